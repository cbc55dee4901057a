// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {TestToken} from "../src/TestToken.sol";
import {DepositTest} from "./support/DepositTest.sol";

contract CollectTest is DepositTest {
    // given exactly the amount

    function test_collect_funds_with_exactly_the_amount(bool coin) public {
        Terms memory terms = termsIn(coin);
        deposit(terms, AMOUNT);
        vm.warp(START + 4);
        expectFundedByDeposit(terms);
        collect(stranger, terms);
        assertState(escrow.idOf(terms), Status.Funded, START + 4, 1);
        assertEq(balance(terms, address(escrow)), AMOUNT);
        assertEq(balance(terms, address(walletOf(terms))), 0);
        assertEq(balance(terms, stranger), 0);
    }

    function test_collect_of_exactly_the_amount_gives_nothing_back() public {
        Terms memory terms = tokenTerms();
        deposit(terms, AMOUNT);
        vm.recordLogs();
        collect(buyer, terms);
        assertEq(vm.getRecordedLogs().length, 2, "one transfer, one event");
    }

    function test_collected_payment_is_settled_like_any_other(bool coin) public {
        Terms memory terms = termsIn(coin);
        uint256 before = balance(terms, buyer);
        deposit(terms, AMOUNT);
        collect(stranger, terms);
        vm.prank(buyer);
        escrow.release(terms, 40e6);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        assertEq(balance(terms, merchant), 39e6);
        assertEq(balance(terms, buyer), before + 60e6);
        assertEq(balance(terms, address(escrow)), 0);
    }

    function test_collect_adds_up_what_came_in_pieces(bool coin) public {
        Terms memory terms = termsIn(coin);
        deposit(terms, 30e6);
        deposit(terms, 70e6);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT);
    }

    // given more than the amount

    function test_collect_gives_the_surplus_to_the_buyer_after_funding(bool coin) public {
        Terms memory terms = termsIn(coin);
        uint256 before = balance(terms, buyer);
        deposit(terms, AMOUNT + 1);
        expectFundedByDeposit(terms);
        expectReturned(terms, terms.token, 1);
        collect(stranger, terms);
        assertEq(balance(terms, buyer), before + 1);
        assertEq(balance(terms, address(escrow)), AMOUNT);
        assertEq(balance(terms, address(walletOf(terms))), 0);
    }

    function test_collect_of_a_surplus_asks_for_a_tokens_push_and_what_the_wallet_needs(bool coin) public {
        Terms memory terms = termsIn(coin);
        deposit(terms, AMOUNT + 1);
        bytes memory verb = abi.encodeCall(IEscrow.collect, (terms, terms.token));
        (bool collected, bytes memory why) = address(escrow).call{gas: 500_000}(verb);
        assertFalse(collected);
        uint256 needed = 310_000 * 64 / uint256(63) + 80_000;
        (uint256 left, uint256 said) = abi.decode(this.withoutSelector(why), (uint256, uint256));
        assertEq(why, abi.encodeWithSelector(IEscrow.PushNeedsGas.selector, left, needed));
        assertLt(left, said);
    }

    function withoutSelector(bytes calldata why) external pure returns (bytes calldata) {
        return why[4:];
    }

    function test_collect_funds_or_gives_back_to_the_last_unit(bool coin, uint128 amount, uint128 came) public {
        Terms memory terms = termsIn(coin);
        terms.amount = bound(amount, 1, type(uint128).max);
        uint256 deposited = bound(came, 1, type(uint128).max);
        uint256 before = balance(terms, buyer);
        deposit(terms, deposited);
        collect(buyer, terms);
        uint256 held = deposited < terms.amount ? 0 : terms.amount;
        assertEq(escrow.heldOf(terms), held);
        assertEq(balance(terms, address(escrow)), held);
        assertEq(balance(terms, buyer), before + deposited - held);
    }

    // given less than the amount

    function test_collect_of_too_little_reverts_for_anyone_but_the_buyer(bool coin) public {
        Terms memory terms = termsIn(coin);
        deposit(terms, AMOUNT - 1);
        address[5] memory others = [merchant, operator, arbiter, exchange, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.DepositTooShort.selector, AMOUNT - 1, AMOUNT));
            collect(others[i], terms);
        }
        assertEq(balance(terms, address(walletOf(terms))), AMOUNT - 1);
    }

    function test_collect_of_too_little_by_the_buyer_gives_it_back_to_him(bool coin) public {
        Terms memory terms = termsIn(coin);
        uint256 before = balance(terms, buyer);
        deposit(terms, AMOUNT - 1);
        vm.warp(terms.payBy - 1);
        expectReturned(terms, terms.token, AMOUNT - 1);
        collect(buyer, terms);
        assertEq(balance(terms, buyer), before + AMOUNT - 1);
        assertEq(balance(terms, address(escrow)), 0);
        assertEq(escrow.stateOf(escrow.idOf(terms)).seq, 0, "nothing was funded");
    }

    function test_collect_funds_after_the_buyer_took_too_little_back(bool coin) public {
        Terms memory terms = termsIn(coin);
        deposit(terms, 1);
        collect(buyer, terms);
        deposit(terms, AMOUNT);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT);
    }

    function test_collect_funds_once_the_missing_rest_came(bool coin) public {
        Terms memory terms = termsIn(coin);
        deposit(terms, AMOUNT - 1);
        expectRevertWith(abi.encodeWithSelector(IEscrow.DepositTooShort.selector, AMOUNT - 1, AMOUNT));
        collect(stranger, terms);
        deposit(terms, 1);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT);
    }

    // given the deadline

    function test_collect_funds_until_the_second_before_payBy() public {
        Terms memory terms = tokenTerms();
        deposit(terms, AMOUNT);
        vm.warp(terms.payBy - 1);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT);
    }

    function test_collect_at_payBy_gives_everything_to_the_buyer(bool coin, bool enough) public {
        Terms memory terms = termsIn(coin);
        uint256 before = balance(terms, buyer);
        uint256 came = enough ? AMOUNT + 5 : AMOUNT - 5;
        deposit(terms, came);
        vm.warp(terms.payBy);
        expectReturned(terms, terms.token, came);
        collect(stranger, terms);
        assertEq(balance(terms, buyer), before + came);
        assertEq(uint8(escrow.stateOf(escrow.idOf(terms)).status), uint8(Status.None));
    }

    // given a payment that exists

    function test_collect_gives_a_second_transfer_to_the_buyer_in_every_status() public {
        _collectInEveryStatus(tokenTerms());
        _collectInEveryStatus(coinTerms());
    }

    function _collectInEveryStatus(Terms memory good) private {
        for (uint8 s = uint8(Status.Funded); s <= uint8(Status.Repaid); ++s) {
            Terms memory terms = another(good, s);
            terms.payBy = uint40(block.timestamp + 100 days);
            bytes32 id = reach(terms, Status(s));
            (uint256 held, uint256 seq) = (escrow.heldOf(terms), escrow.stateOf(id).seq);
            uint256 before = balance(terms, buyer);
            deposit(terms, AMOUNT);
            expectReturned(terms, terms.token, AMOUNT);
            collect(stranger, terms);
            deposit(terms, 1);
            collect(stranger, terms);
            assertEq(balance(terms, buyer), before + AMOUNT + 1);
            assertEq(escrow.heldOf(terms), held, "the payment is what it was");
            assertEq(escrow.stateOf(id).seq, seq);
            assertEq(uint8(escrow.stateOf(id).status), s);
        }
    }

    function test_fund_reverts_when_a_deposit_was_collected() public {
        Terms memory terms = tokenTerms();
        deposit(terms, AMOUNT);
        collect(stranger, terms);
        expectRevertWith(
            abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, escrow.idOf(terms), uint8(Status.Funded))
        );
        vm.prank(buyer);
        escrow.fund(terms, buyer);
    }

    // given another token than the payment's

    function test_collect_gives_another_token_to_the_buyer() public {
        Terms memory terms = tokenTerms();
        TestToken other = new TestToken();
        deposit(terms, AMOUNT);
        depositIn(address(other), terms, 2 * AMOUNT);
        expectReturned(terms, address(other), 2 * AMOUNT);
        collectIn(address(other), terms);
        assertEq(other.balanceOf(buyer), 2 * AMOUNT);
        assertEq(escrow.stateOf(escrow.idOf(terms)).seq, 0);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT, "the right token still funds");
        assertEq(other.balanceOf(address(escrow)), 0);
    }

    function test_collect_gives_coin_to_the_buyer_where_a_token_is_asked_for_and_the_reverse() public {
        depositIn(address(0), tokenTerms(), AMOUNT);
        depositIn(address(token), coinTerms(), AMOUNT);
        (uint256 coins, uint256 tokens) = (buyer.balance, token.balanceOf(buyer));
        collectIn(address(0), tokenTerms());
        collectIn(address(token), coinTerms());
        assertEq(buyer.balance, coins + AMOUNT);
        assertEq(token.balanceOf(buyer), tokens + AMOUNT);
        assertEq(escrow.heldOf(tokenTerms()) + escrow.heldOf(coinTerms()), 0);
    }

    function test_collect_gives_even_one_unit_of_another_token_back_before_payBy() public {
        Terms memory terms = tokenTerms();
        uint256 before = buyer.balance;
        depositIn(address(0), terms, 1);
        collectIn(address(0), terms);
        assertEq(buyer.balance, before + 1);
    }

    function test_collect_gives_another_token_back_though_the_payments_own_is_no_token() public {
        Terms memory terms = tokenTerms();
        terms.token = makeAddr("no code");
        depositIn(address(token), terms, AMOUNT);
        vm.warp(terms.payBy);
        expectReturned(terms, address(token), AMOUNT);
        collectIn(address(token), terms);
    }

    // given terms that could never be funded

    function test_collect_gives_the_money_back_when_terms_are_out_of_bounds() public {
        BrokenTerms[] memory broken = brokenTerms();
        for (uint256 i = 0; i < broken.length; ++i) {
            Terms memory terms = broken[i].terms;
            uint256 before = token.balanceOf(buyer);
            deposit(terms, AMOUNT);
            expectReturned(terms, address(token), AMOUNT);
            collect(stranger, terms);
            assertEq(token.balanceOf(buyer), before + AMOUNT);
            assertEq(escrow.stateOf(escrow.idOf(terms)).seq, 0);
        }
    }

    function test_collect_accepts_every_bound() public {
        Terms memory terms = tokenTerms();
        (terms.amount, terms.deliveryPeriod, terms.disputeWindow, terms.arbitrationPeriod) =
        (type(uint128).max, 400 days, 400 days, 400 days);
        terms.feeBps = 10_000;
        deposit(terms, type(uint128).max);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), type(uint128).max);
    }

    function test_collect_reverts_when_the_terms_name_no_buyer() public {
        Terms memory terms = tokenTerms();
        terms.buyer = address(0);
        deposit(terms, AMOUNT);
        expectRevertWith(abi.encodeWithSelector(IEscrow.BuyerIsZero.selector));
        collect(buyer, terms);
    }

    // given nothing to collect

    function test_collect_reverts_when_nothing_is_there(bool coin) public {
        Terms memory terms = termsIn(coin);
        bytes memory reason =
            abi.encodeWithSelector(IEscrow.NothingToCollect.selector, address(walletOf(terms)), terms.token);
        expectRevertWith(reason);
        collect(buyer, terms);
        deposit(terms, AMOUNT);
        collect(stranger, terms);
        expectRevertWith(reason);
        collect(buyer, terms);
        vm.warp(terms.payBy);
        expectRevertWith(reason);
        collect(buyer, terms);
    }

    function test_collect_reverts_when_the_token_has_no_code() public {
        address nobody = makeAddr("no contract");
        Terms memory terms = tokenTerms();
        expectRevertWith(abi.encodeWithSelector(IEscrow.TokenHasNoCode.selector, nobody));
        collectIn(nobody, terms);
        terms.token = nobody;
        expectRevertWith(abi.encodeWithSelector(IEscrow.TokenHasNoCode.selector, nobody));
        collect(buyer, terms);
    }

    function test_collect_takes_no_allowance_of_anyone() public {
        Terms memory terms = tokenTerms();
        vm.expectRevert();
        collect(buyer, terms);
        deposit(terms, AMOUNT);
        uint256 before = token.balanceOf(buyer);
        vm.recordLogs();
        collect(stranger, terms);
        assertEq(token.balanceOf(buyer), before);
        assertEq(countLogs(IERC20.Transfer.selector), 1);
    }
}

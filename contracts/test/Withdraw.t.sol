// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {HungryReceiver, RevertingReceiver, Till} from "./support/BadReceivers.sol";
import {
    BlocklistToken,
    ElasticToken,
    HungryToken,
    LimitedToken,
    OddToken,
    OddlyAnsweringToken
} from "./support/BadTokens.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract WithdrawTest is EscrowTest {
    RevertingReceiver internal shop;

    function setUp() public override {
        super.setUp();
        shop = new RevertingReceiver();
    }

    /// @dev A release whose coin the merchant does not take.
    function _credited() private returns (Terms memory terms) {
        terms = coinTerms();
        terms.merchant = address(shop);
        bytes32 id = fund(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 97.5e6, 2.5e6, 1);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        assertEq(escrow.creditOf(address(shop), address(0)), 97.5e6);
    }

    function test_withdraw_by_anyone_pays_the_owner_in_full() public {
        _credited();
        shop.setOpen(true);
        vm.expectEmit(address(escrow));
        emit IEscrow.CreditWithdrawn(address(shop), address(0), 97.5e6);
        vm.prank(stranger);
        escrow.withdraw(address(shop), address(0), ALL);
        assertEq(address(shop).balance, 97.5e6);
        assertEq(stranger.balance, 0);
        assertEq(escrow.creditOf(address(shop), address(0)), 0);
        assertEq(address(escrow).balance, 0);
    }

    function test_withdraw_reverts_when_the_owner_does_not_take_it_and_the_credit_stays() public {
        _credited();
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WithdrawFailed.selector, address(shop), address(0), 97.5e6));
        escrow.withdraw(address(shop), address(0), ALL);
        assertEq(escrow.creditOf(address(shop), address(0)), 97.5e6);
    }

    function test_withdraw_reverts_without_a_credit() public {
        vm.expectRevert(abi.encodeWithSelector(IEscrow.NoCredit.selector, stranger, address(0)));
        escrow.withdraw(stranger, address(0), ALL);
    }

    function test_withdraw_reverts_the_second_time() public {
        _credited();
        shop.setOpen(true);
        escrow.withdraw(address(shop), address(0), ALL);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.NoCredit.selector, address(shop), address(0)));
        escrow.withdraw(address(shop), address(0), ALL);
    }

    function test_credits_add_up_over_payments_and_are_kept_apart_by_token() public {
        Terms memory terms = _credited();
        terms.orderHash = keccak256("order 2");
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        assertEq(escrow.creditOf(address(shop), address(0)), 195e6);
        assertEq(escrow.creditOf(address(shop), address(token)), 0);
        assertEq(escrow.creditOf(feeRecipient, address(0)), 0);
    }

    function test_withdraw_of_tokens_waits_for_the_blocklist() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _fundIn(odd);
        odd.setBlocked(merchant, true);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WithdrawFailed.selector, merchant, address(odd), 97.5e6));
        escrow.withdraw(merchant, address(odd), ALL);
        odd.setBlocked(merchant, false);
        escrow.withdraw(merchant, address(odd), ALL);
        assertEq(odd.balanceOf(merchant), 97.5e6);
        assertEq(odd.balanceOf(address(escrow)), 0);
    }

    function test_withdraw_reverts_when_the_token_only_says_that_it_moved() public {
        OddlyAnsweringToken odd = new OddlyAnsweringToken();
        Terms memory terms = _fundIn(odd);
        odd.setAnswer(OddlyAnsweringToken.Answer.TrueAndNotMoved);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        assertEq(escrow.creditOf(merchant, address(odd)), 97.5e6);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WithdrawFailed.selector, merchant, address(odd), 97.5e6));
        escrow.withdraw(merchant, address(odd), ALL);
    }

    // given only a part is asked for

    function test_withdraw_of_a_part_leaves_the_rest() public {
        _credited();
        shop.setOpen(true);
        vm.expectEmit(address(escrow));
        emit IEscrow.CreditWithdrawn(address(shop), address(0), 7.5e6);
        escrow.withdraw(address(shop), address(0), 7.5e6);
        assertEq(address(shop).balance, 7.5e6);
        assertEq(escrow.creditOf(address(shop), address(0)), 90e6);
        escrow.withdraw(address(shop), address(0), 90e6);
        assertEq(escrow.creditOf(address(shop), address(0)), 0);
    }

    function test_withdraw_of_a_part_that_is_refused_leaves_the_whole_credit() public {
        _credited();
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WithdrawFailed.selector, address(shop), address(0), 7.5e6));
        escrow.withdraw(address(shop), address(0), 7.5e6);
        assertEq(escrow.creditOf(address(shop), address(0)), 97.5e6);
    }

    function test_withdraw_of_nothing_reverts() public {
        _credited();
        vm.expectRevert(abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 0));
        escrow.withdraw(address(shop), address(0), 0);
    }

    function test_withdraw_of_more_than_the_credit_reverts() public {
        _credited();
        vm.expectRevert(abi.encodeWithSelector(IEscrow.AmountExceedsCredit.selector, 97.5e6 + 1, 97.5e6));
        escrow.withdraw(address(shop), address(0), 97.5e6 + 1);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.AmountExceedsCredit.selector, ALL - 1, 97.5e6));
        escrow.withdraw(address(shop), address(0), ALL - 1);
    }

    /// @dev A stranger could make it so large by releasing many payments at once.
    function test_withdraw_in_parts_gets_out_what_the_token_cannot_move_whole() public {
        LimitedToken odd = new LimitedToken();
        Terms memory terms = _fundIn(odd);
        odd.setLimit(50e6);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WithdrawFailed.selector, merchant, address(odd), 97.5e6));
        escrow.withdraw(merchant, address(odd), ALL);
        escrow.withdraw(merchant, address(odd), 50e6);
        escrow.withdraw(merchant, address(odd), ALL);
        assertEq(odd.balanceOf(merchant), 97.5e6);
    }

    function test_withdraw_of_a_part_takes_what_a_shrunk_balance_left() public {
        ElasticToken odd = new ElasticToken();
        Terms memory terms = withoutFee(_termsIn(odd));
        fund(terms);
        odd.setBalance(address(escrow), AMOUNT - 1);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        escrow.withdraw(merchant, address(odd), AMOUNT - 1);
        assertEq(odd.balanceOf(merchant), AMOUNT - 1);
        assertEq(escrow.creditOf(merchant, address(odd)), 1);
    }

    // given a caller who brings little gas

    function test_withdraw_of_coin_gives_the_receiver_no_less_than_a_push(uint256 gas_) public {
        Till till = new Till();
        Terms memory terms = coinTerms();
        terms.merchant = address(till);
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        till.setOpen(true);
        vm.prank(stranger);
        (bool ok,) = address(escrow).call{gas: bound(gas_, 30_000, 400_000)}(
            abi.encodeCall(IEscrow.withdraw, (address(till), address(0), ALL))
        );
        assertEq(till.banked(), ok ? 97.5e6 : 0);
        assertEq(address(till).balance, 0);
    }

    function test_withdraw_asks_for_the_gas_of_a_push() public {
        _credited();
        shop.setOpen(true);
        vm.prank(stranger);
        (, bytes memory why) =
            address(escrow).call{gas: 180_000}(abi.encodeCall(IEscrow.withdraw, (address(shop), address(0), ALL)));
        assertEq(bytes4(why), IEscrow.PushNeedsGas.selector);
        assertEq(escrow.creditOf(address(shop), address(0)), 97.5e6);
    }

    function test_withdraw_of_tokens_asks_for_the_gas_of_a_push() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _fundIn(odd);
        odd.setBlocked(merchant, true);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        odd.setBlocked(merchant, false);
        vm.prank(stranger);
        (, bytes memory why) =
            address(escrow).call{gas: 380_000}(abi.encodeCall(IEscrow.withdraw, (merchant, address(odd), ALL)));
        assertEq(bytes4(why), IEscrow.PushNeedsGas.selector);
        assertEq(odd.balanceOf(merchant), 0);
    }

    // given one who needs more gas than a push has

    function test_withdraw_of_coin_gives_the_receiver_more_than_a_push() public {
        Terms memory terms = coinTerms();
        terms.merchant = address(new HungryReceiver(400_000));
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        assertEq(escrow.creditOf(terms.merchant, address(0)), 97.5e6);
        escrow.withdraw(terms.merchant, address(0), ALL);
        assertEq(terms.merchant.balance, 97.5e6);
    }

    function test_withdraw_of_tokens_gives_the_token_more_than_a_push() public {
        HungryToken odd = new HungryToken();
        Terms memory terms = _fundIn(odd);
        odd.setAppetite(400_000);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        assertEq(escrow.creditOf(merchant, address(odd)), 97.5e6);
        escrow.withdraw(merchant, address(odd), ALL);
        assertEq(odd.balanceOf(merchant), 97.5e6);
    }

    function _fundIn(OddToken odd) private returns (Terms memory terms) {
        terms = _termsIn(odd);
        fund(terms);
    }

    /// @dev The buyer has the amount, and the escrow his allowance.
    function _termsIn(OddToken odd) private returns (Terms memory terms) {
        terms = tokenTerms();
        terms.token = address(odd);
        odd.mint(buyer, AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), AMOUNT);
    }
}

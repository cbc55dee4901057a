// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Terms} from "../src/IEscrow.sol";
import {
    GasBurner,
    FussyReceiver,
    HungryReceiver,
    ReturnBomb,
    RevertingReceiver,
    Weigher
} from "./support/BadReceivers.sol";
import {
    BlocklistToken,
    FeeOnTransferToken,
    FussyToken,
    HungryToken,
    OddlyAnsweringToken,
    RebasingToken,
    TwoFacedToken
} from "./support/BadTokens.sol";
import {DepositTest} from "./support/DepositTest.sol";

/// @notice Deposit addresses with tokens that misbehave, and with buyers who can't be paid.
contract BadDepositsTest is DepositTest {
    // given a blocked buyer

    function test_collect_funds_though_the_blocked_buyer_cannot_have_the_surplus() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT + 9);
        odd.setBlocked(buyer, true);
        vm.recordLogs();
        collect(stranger, terms);
        assertEq(countLogs(IEscrow.DepositReturned.selector), 0, "nothing was returned, and nothing says so");
        assertEq(escrow.heldOf(terms), AMOUNT);
        assertEq(odd.balanceOf(address(walletOf(terms))), 9, "the surplus waits");
        assertEq(escrow.creditOf(buyer, address(odd)), 0);
    }

    function test_collect_of_a_waiting_surplus_works_once_the_buyer_is_unblocked() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT + 9);
        odd.setBlocked(buyer, true);
        collect(stranger, terms);
        vm.expectRevert(
            abi.encodeWithSelector(IEscrow.ReturnFailed.selector, address(walletOf(terms)), address(odd), 9)
        );
        collect(stranger, terms);
        odd.setBlocked(buyer, false);
        expectReturned(terms, address(odd), 9);
        collect(stranger, terms);
        assertEq(odd.balanceOf(buyer), 9);
    }

    function test_collect_of_a_late_deposit_reverts_while_the_buyer_is_blocked() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT);
        vm.warp(terms.payBy);
        odd.setBlocked(buyer, true);
        vm.expectRevert(
            abi.encodeWithSelector(IEscrow.ReturnFailed.selector, address(walletOf(terms)), address(odd), AMOUNT)
        );
        collect(stranger, terms);
        assertEq(odd.balanceOf(address(walletOf(terms))), AMOUNT);
        odd.setBlocked(buyer, false);
        collect(stranger, terms);
        assertEq(odd.balanceOf(buyer), AMOUNT);
    }

    // given a buyer who takes no coin

    function _buyerIs(address account) private view returns (Terms memory terms) {
        terms = coinTerms();
        terms.buyer = account;
    }

    function test_collect_funds_though_the_buyer_takes_no_coin() public {
        RevertingReceiver shy = new RevertingReceiver();
        Terms memory terms = _buyerIs(address(shy));
        deposit(terms, AMOUNT + 9);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT);
        assertEq(address(walletOf(terms)).balance, 9);
        bytes memory reason =
            abi.encodeWithSelector(IEscrow.ReturnFailed.selector, address(walletOf(terms)), address(0), 9);
        vm.expectRevert(reason);
        collect(stranger, terms);
        shy.setOpen(true);
        expectReturned(terms, address(0), 9);
        collect(stranger, terms);
        assertEq(address(shy).balance, 9);
    }

    function test_collect_holds_no_bad_buyer_up_and_burns_no_more_than_the_cap() public {
        address[3] memory bad =
            [address(new GasBurner()), address(new ReturnBomb(true)), address(new RevertingReceiver())];
        for (uint256 i = 0; i < bad.length; ++i) {
            Terms memory terms = _buyerIs(bad[i]);
            deposit(terms, AMOUNT + 9);
            uint256 before = gasleft();
            collect(stranger, terms);
            assertLt(before - gasleft(), 2_000_000);
            assertEq(escrow.heldOf(terms), AMOUNT);
            assertEq(address(walletOf(terms)).balance, 9);
        }
    }

    function test_collect_pays_a_buyer_that_answers_at_length() public {
        Terms memory terms = _buyerIs(address(new ReturnBomb(false)));
        deposit(terms, AMOUNT + 9);
        collect(stranger, terms);
        assertEq(terms.buyer.balance, 9);
    }

    function test_buyer_gets_at_least_the_gas_of_a_tokens_push_and_no_more_than_the_cap() public {
        Weigher weigher = new Weigher();
        Terms memory terms = _buyerIs(address(weigher));
        deposit(terms, AMOUNT + 9);
        collect(stranger, terms);
        assertGt(weigher.gasSeen(), 285_000);
        assertLt(weigher.gasSeen(), 310_000);
    }

    // given a token or a buyer that needs more gas than any push gets: no cap keeps a deposit for ever

    function test_collect_funds_by_a_token_that_needs_more_gas_than_a_push() public {
        HungryToken odd = new HungryToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT);
        odd.setAppetite(400_000);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT);
    }

    function test_collect_gives_back_what_needs_more_gas_than_a_push() public {
        HungryToken odd = new HungryToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT);
        odd.setAppetite(400_000);
        vm.warp(terms.payBy);
        collect(stranger, terms);
        assertEq(odd.balanceOf(buyer), AMOUNT);
    }

    function test_collect_pays_a_buyer_who_needs_more_gas_than_a_push() public {
        Terms memory terms = _buyerIs(address(new HungryReceiver(400_000)));
        deposit(terms, AMOUNT);
        vm.warp(terms.payBy);
        collect(stranger, terms);
        assertEq(terms.buyer.balance, AMOUNT);
    }

    // given a token with a second address: by that one, too, only the buyer takes away what may still fund

    function test_stranger_cannot_return_what_would_fund_by_the_tokens_second_address(bool short) public {
        TwoFacedToken odd = new TwoFacedToken();
        Terms memory terms = inToken(odd);
        deposit(terms, short ? AMOUNT - 1 : AMOUNT);
        address second = address(odd.SECOND_FACE());
        expectRevertWith(abi.encodeWithSelector(IEscrow.NotBuyer.selector, stranger));
        collectIn(second, terms);
        if (short) {
            vm.prank(buyer);
            escrow.collect(terms, second);
            assertEq(odd.balanceOf(buyer), AMOUNT - 1, "the buyer may");
        } else {
            collect(stranger, terms);
            assertEq(escrow.heldOf(terms), AMOUNT);
        }
    }

    function test_late_deposit_goes_back_by_the_tokens_second_address_too() public {
        TwoFacedToken odd = new TwoFacedToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT);
        vm.warp(terms.payBy);
        collectIn(address(odd.SECOND_FACE()), terms);
        assertEq(odd.balanceOf(buyer), AMOUNT);
    }

    // given every amount of gas: it reverts, or it does everything

    function _sweep(Terms memory terms, address which) private {
        bytes memory verb = abi.encodeCall(IEscrow.collect, (terms, which));
        bool funds = which == terms.token && block.timestamp < terms.payBy;
        (uint256 done, uint256 reverted) = (0, 0);
        for (uint256 allowance = 30_000; allowance < 1_500_000; allowance += 7_001) {
            uint256 clean = vm.snapshotState();
            vm.prank(stranger);
            (bool succeeded,) = address(escrow).call{gas: allowance}(verb);
            assertEq(escrow.heldOf(terms), succeeded && funds ? AMOUNT : 0);
            assertEq(balanceIn(which, terms.buyer), succeeded ? (funds ? 9 : AMOUNT + 9) : 0);
            if (succeeded) ++done;
            else ++reverted;
            vm.revertToState(clean);
        }
        assertGt(done, 0);
        assertGt(reverted, 0);
    }

    function test_collect_is_never_starved_of_a_surplus_in_coin() public {
        Terms memory terms = _buyerIs(address(new FussyReceiver(280_000)));
        deposit(terms, AMOUNT + 9);
        _sweep(terms, address(0));
    }

    function test_collect_is_never_starved_of_a_surplus_in_a_token() public {
        FussyToken odd = new FussyToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT + 9);
        odd.setNeed(280_000);
        _sweep(terms, address(odd));
    }

    /// @dev The terms are checked by a call; no caller can make it run dry and so turn a payment into a return.
    function test_collect_is_never_starved_into_a_return() public {
        Terms memory terms = tokenTerms();
        terms.buyer = makeAddr("buyer without anything");
        deposit(terms, AMOUNT + 9);
        _sweep(terms, address(token));
    }

    function test_collect_of_a_late_deposit_is_never_starved() public {
        FussyToken odd = new FussyToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT + 9);
        odd.setNeed(280_000);
        vm.warp(terms.payBy);
        _sweep(terms, address(odd));
    }

    // given a token that keeps a fee of each transfer

    function test_collect_reverts_when_the_token_keeps_a_fee_and_gives_back_after_payBy() public {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        odd.setOnlyFrom(stranger);
        Terms memory terms = inToken(odd);
        address wallet = address(walletOf(terms));
        deposit(terms, AMOUNT);
        odd.setOnlyFrom(wallet);
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 99e6, AMOUNT));
        collect(buyer, terms);
        vm.warp(terms.payBy);
        expectReturned(terms, address(odd), AMOUNT);
        collect(stranger, terms);
        assertEq(odd.balanceOf(buyer), 99e6, "the buyer bears the token's own fee");
        assertEq(odd.balanceOf(wallet), 0);
    }

    // given odd answers: the balance decides

    function test_collect_funds_and_returns_whatever_a_moving_token_says() public {
        for (uint8 i = 0; i < 2; ++i) {
            OddlyAnsweringToken odd = new OddlyAnsweringToken();
            Terms memory terms = inToken(odd);
            deposit(terms, AMOUNT + 9);
            odd.setAnswer(OddlyAnsweringToken.Answer(i));
            expectFundedByDeposit(terms);
            expectReturned(terms, address(odd), 9);
            collect(stranger, terms);
            assertEq(odd.balanceOf(address(escrow)), AMOUNT);
            assertEq(odd.balanceOf(buyer), 9);
        }
    }

    function test_collect_reverts_when_the_token_did_not_move_whatever_it_says() public {
        for (uint8 i = 2; i < 4; ++i) {
            OddlyAnsweringToken odd = new OddlyAnsweringToken();
            Terms memory terms = inToken(odd);
            deposit(terms, AMOUNT);
            odd.setAnswer(OddlyAnsweringToken.Answer(i));
            expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 0, AMOUNT));
            collect(stranger, terms);
            vm.warp(terms.payBy);
            vm.expectRevert(
                abi.encodeWithSelector(IEscrow.ReturnFailed.selector, address(walletOf(terms)), address(odd), AMOUNT)
            );
            collect(stranger, terms);
            vm.warp(START);
        }
    }

    function test_collect_reverts_while_the_token_refuses_the_escrow_and_gives_back_after_payBy() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT);
        odd.setBlocked(address(escrow), true);
        vm.expectRevert();
        collect(stranger, terms);
        assertEq(odd.balanceOf(address(walletOf(terms))), AMOUNT);
        assertEq(escrow.stateOf(escrow.idOf(terms)).seq, 0);
        vm.warp(terms.payBy);
        collect(stranger, terms);
        assertEq(odd.balanceOf(buyer), AMOUNT, "the escrow's trouble is not the buyer's");
    }

    // given a balance that changes by itself

    function test_collect_reverts_when_the_escrows_balance_is_rebased_in_the_call() public {
        RebasingToken odd = new RebasingToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT);
        int256[2] memory changes = [int256(1), -1];
        for (uint256 i = 0; i < changes.length; ++i) {
            odd.setChange(address(escrow), changes[i]);
            uint256 after_ = uint256(int256(AMOUNT) + changes[i]);
            expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, after_, AMOUNT));
            collect(stranger, terms);
        }
    }

    function test_collect_says_what_left_the_wallet_when_some_came_in_meanwhile() public {
        RebasingToken odd = new RebasingToken();
        Terms memory terms = inToken(odd);
        deposit(terms, AMOUNT);
        vm.warp(terms.payBy);
        odd.setChange(address(walletOf(terms)), 10);
        expectReturned(terms, address(odd), AMOUNT - 10);
        collect(stranger, terms);
        odd.setChange(address(0), 0);
        expectReturned(terms, address(odd), 10);
        collect(stranger, terms);
    }
}

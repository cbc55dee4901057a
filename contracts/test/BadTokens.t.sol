// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Item, Status, Terms} from "../src/IEscrow.sol";
import {
    BlocklistToken,
    ExactCalldataToken,
    FeeOnTransferToken,
    OddToken,
    OddlyAnsweringToken,
    OddlyCountingToken,
    RebasingToken,
    SenderPaysToken
} from "./support/BadTokens.sol";
import {BatchTest} from "./support/BatchTest.sol";

contract BadTokensTest is BatchTest {
    function _terms(OddToken odd) private returns (Terms memory terms) {
        odd.mint(buyer, 20 * AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        terms = tokenTerms();
        terms.token = address(odd);
    }

    function _release(Terms memory terms) private {
        vm.prank(buyer);
        escrow.release(terms, ALL);
    }

    // given a token that keeps a fee of each transfer

    function test_fund_reverts_when_the_token_keeps_a_fee() public {
        Terms memory terms = _terms(new FeeOnTransferToken());
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 99e6, AMOUNT));
        vm.prank(buyer);
        escrow.fund(terms, buyer);
    }

    function test_release_reverts_when_the_token_takes_more_than_it_was_told() public {
        SenderPaysToken odd = new SenderPaysToken();
        Terms memory terms = _terms(odd);
        fund(terms);
        terms.orderHash = keccak256("another payment, whose money must stay");
        fund(terms);
        odd.setTaxed(address(escrow));
        expectRevertWith(
            abi.encodeWithSelector(IEscrow.WrongBalanceFall.selector, 2 * AMOUNT, 2 * AMOUNT - 97.5e6 - 1, 97.5e6)
        );
        _release(terms);
        assertEq(odd.balanceOf(address(escrow)), 2 * AMOUNT);
    }

    // given odd answers: the balance decides

    function test_token_that_returns_nothing_or_false_though_moved_is_paid() public {
        for (uint8 i = 0; i < 2; ++i) {
            OddlyAnsweringToken odd = new OddlyAnsweringToken();
            odd.setAnswer(OddlyAnsweringToken.Answer(i));
            Terms memory terms = _terms(odd);
            bytes32 id = fund(terms);
            vm.expectEmit(address(escrow));
            emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 97.5e6, 2.5e6, 0);
            _release(terms);
            assertEq(odd.balanceOf(merchant), 97.5e6);
            assertEq(odd.balanceOf(feeRecipient), 2.5e6);
        }
    }

    function test_fund_reverts_when_the_token_did_not_move_whatever_it_says() public {
        for (uint8 i = 2; i < 4; ++i) {
            OddlyAnsweringToken odd = new OddlyAnsweringToken();
            Terms memory terms = _terms(odd);
            odd.setAnswer(OddlyAnsweringToken.Answer(i));
            expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 0, AMOUNT));
            vm.prank(buyer);
            escrow.fund(terms, buyer);
        }
    }

    function test_release_credits_when_the_token_did_not_move_whatever_it_says() public {
        for (uint8 i = 2; i < 4; ++i) {
            OddlyAnsweringToken odd = new OddlyAnsweringToken();
            Terms memory terms = _terms(odd);
            bytes32 id = fund(terms);
            odd.setAnswer(OddlyAnsweringToken.Answer(i));
            vm.expectEmit(address(escrow));
            emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 97.5e6, 2.5e6, 3);
            _release(terms);
            assertEq(escrow.creditOf(merchant, address(odd)), 97.5e6);
            assertEq(escrow.creditOf(feeRecipient, address(odd)), 2.5e6);
        }
    }

    // given a blocklist

    function test_blocked_merchant_does_not_block_the_fee_recipient() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _terms(odd);
        bytes32 id = fund(terms);
        odd.setBlocked(merchant, true);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 97.5e6, 2.5e6, 1);
        _release(terms);
        assertEq(odd.balanceOf(feeRecipient), 2.5e6);
        assertEq(escrow.creditOf(merchant, address(odd)), 97.5e6);
    }

    function test_blocked_fee_recipient_does_not_block_the_merchant() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _terms(odd);
        bytes32 id = fund(terms);
        odd.setBlocked(feeRecipient, true);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 97.5e6, 2.5e6, 2);
        _release(terms);
        assertEq(odd.balanceOf(merchant), 97.5e6);
    }

    function test_blocked_buyer_gets_a_credit_by_refund_and_by_reclaim() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _terms(odd);
        bytes32 id = fund(terms);
        odd.setBlocked(buyer, true);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRefunded(id, 2, Status.Funded, 90e6, 10e6, 4);
        vm.prank(merchant);
        escrow.refund(terms, 10e6);
        vm.warp(START + DELIVERY_PERIOD);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReclaimed(id, 3, Status.Reclaimed, 0, 90e6, 4);
        escrow.reclaim(terms);
        assertEq(escrow.creditOf(buyer, address(odd)), AMOUNT);
    }

    function test_blocked_buyer_does_not_block_the_merchant_in_a_resolution() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _terms(odd);
        bytes32 id = reach(terms, Status.Disputed);
        odd.setBlocked(buyer, true);
        vm.expectEmit(address(escrow));
        emit IEscrow.DisputeResolved(id, 4, Status.Resolved, 0, 39e6, 1e6, 60e6, 4);
        vm.prank(arbiter);
        escrow.resolve(terms, 60e6, 40e6);
        assertEq(odd.balanceOf(merchant), 39e6);
        assertEq(escrow.creditOf(buyer, address(odd)), 60e6);
    }

    function test_blocked_escrow_credits_everyone() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _terms(odd);
        fund(terms);
        odd.setBlocked(address(escrow), true);
        _release(terms);
        assertEq(escrow.creditOf(merchant, address(odd)) + escrow.creditOf(feeRecipient, address(odd)), AMOUNT);
    }

    // given balances that change by themselves

    function test_fund_reverts_when_the_balance_is_rebased_in_the_call() public {
        RebasingToken odd = new RebasingToken();
        Terms memory terms = _terms(odd);
        int256[2] memory changes = [int256(1), -1];
        for (uint256 i = 0; i < changes.length; ++i) {
            odd.setChange(address(escrow), changes[i]);
            expectRevertWith(
                abi.encodeWithSelector(
                    IEscrow.WrongBalanceRise.selector, 0, uint256(int256(AMOUNT) + changes[i]), AMOUNT
                )
            );
            vm.prank(buyer);
            escrow.fund(terms, buyer);
        }
    }

    function test_refund_reverts_when_the_balance_is_rebased_in_the_call() public {
        RebasingToken odd = new RebasingToken();
        Terms memory terms = _terms(odd);
        fund(terms);
        terms.orderHash = keccak256("order 2");
        fund(terms);
        int256[3] memory changes = [int256(1), -1, int256(3 * AMOUNT)];
        for (uint256 i = 0; i < changes.length; ++i) {
            odd.setChange(address(escrow), changes[i]);
            expectRevertWith(
                abi.encodeWithSelector(
                    IEscrow.WrongBalanceFall.selector, 2 * AMOUNT, uint256(int256(AMOUNT) + changes[i]), AMOUNT
                )
            );
            vm.prank(merchant);
            escrow.refund(terms, ALL);
        }
    }

    // given a token that does not say what it holds

    function test_fund_and_collect_revert_when_the_token_does_not_tell_its_balances() public {
        for (uint8 i = 1; i < 4; ++i) {
            OddlyCountingToken odd = new OddlyCountingToken();
            Terms memory terms = _terms(odd);
            odd.mint(escrow.depositAddressOf(escrow.idOf(terms)), AMOUNT);
            odd.setTelling(OddlyCountingToken.Telling(i));
            vm.prank(buyer);
            vm.expectRevert();
            escrow.fund(terms, buyer);
            vm.expectRevert();
            escrow.collect(terms, address(odd));
            assertEq(escrow.stateOf(escrow.idOf(terms)).seq, 0);
        }
    }

    function test_release_reverts_until_the_token_tells_its_balances_again() public {
        for (uint8 i = 1; i < 4; ++i) {
            OddlyCountingToken odd = new OddlyCountingToken();
            Terms memory terms = _terms(odd);
            fund(terms);
            odd.setTelling(OddlyCountingToken.Telling(i));
            vm.prank(buyer);
            vm.expectRevert();
            escrow.release(terms, ALL);
            odd.setTelling(OddlyCountingToken.Telling.Right);
            _release(terms);
            assertEq(odd.balanceOf(merchant), 97.5e6);
        }
    }

    function test_token_that_tells_its_balances_at_length_is_paid() public {
        OddlyCountingToken odd = new OddlyCountingToken();
        Terms memory terms = _terms(odd);
        odd.setTelling(OddlyCountingToken.Telling.AtLength);
        fund(terms);
        _release(terms);
        assertEq(odd.balanceOf(merchant), 97.5e6);
    }

    // given a token that counts the bytes of its calls

    function test_token_is_called_with_its_arguments_and_no_byte_more() public {
        ExactCalldataToken odd = new ExactCalldataToken();
        Terms memory terms = _terms(odd);
        fund(terms);
        _release(terms);
        assertEq(odd.balanceOf(merchant), 97.5e6);
        assertEq(odd.balanceOf(feeRecipient), 2.5e6);
    }

    // given a batch

    function _batch(OddToken odd) private returns (Terms memory common, Terms[] memory payments) {
        common = _terms(odd);
        payments = orders(common, 3);
        reachAll(payments, Status.Funded);
    }

    function _releaseMany(Terms memory common, Terms[] memory payments) private {
        Item[] memory items = itemsOf(payments);
        vm.prank(buyer);
        escrow.releaseMany(common, items);
    }

    function test_releaseMany_reverts_when_the_token_takes_more_than_it_was_told() public {
        SenderPaysToken odd = new SenderPaysToken();
        (Terms memory common, Terms[] memory payments) = _batch(odd);
        odd.setTaxed(address(escrow));
        Terms memory last = payments[2];
        payments[2] = payments[1]; // two of three are released, so that the third's money is there to be taken
        expectRevertWith(
            abi.encodeWithSelector(IEscrow.WrongBalanceFall.selector, 3 * AMOUNT, 3 * AMOUNT - 195e6 - 1, 195e6)
        );
        _releaseMany(common, payments);
        assertEq(escrow.heldOf(payments[0]) + escrow.heldOf(payments[1]) + escrow.heldOf(last), 3 * AMOUNT);
    }

    function test_batches_believe_the_balance_whatever_the_token_says() public {
        for (uint8 i = 0; i < 4; ++i) {
            OddlyAnsweringToken odd = new OddlyAnsweringToken();
            (Terms memory common, Terms[] memory payments) = _batch(odd);
            odd.setAnswer(OddlyAnsweringToken.Answer(i));
            uint8 credited = i < 2 ? 0 : 3;
            for (uint256 j = 0; j < 3; ++j) {
                expectReleased(payments[j], 2, 97.5e6, 2.5e6, credited);
            }
            _releaseMany(common, payments);
            assertEq(odd.balanceOf(merchant), i < 2 ? 292.5e6 : 0);
            assertEq(escrow.creditOf(merchant, address(odd)), i < 2 ? 0 : 292.5e6);
            assertEq(escrow.creditOf(feeRecipient, address(odd)), i < 2 ? 0 : 7.5e6);
        }
    }

    function test_releaseMany_while_the_escrow_is_blocked_credits_everyone() public {
        BlocklistToken odd = new BlocklistToken();
        (Terms memory common, Terms[] memory payments) = _batch(odd);
        odd.setBlocked(address(escrow), true);
        _releaseMany(common, payments);
        assertEq(escrow.creditOf(merchant, address(odd)), 292.5e6);
        assertEq(escrow.creditOf(feeRecipient, address(odd)), 7.5e6);
        odd.setBlocked(address(escrow), false);
        escrow.withdraw(merchant, address(odd), ALL);
        escrow.withdraw(feeRecipient, address(odd), ALL);
        assertEq(odd.balanceOf(address(escrow)), 0);
    }

    function test_releaseMany_reverts_when_the_balance_is_rebased_in_the_call() public {
        RebasingToken odd = new RebasingToken();
        (Terms memory common, Terms[] memory payments) = _batch(odd);
        odd.setChange(address(escrow), 1);
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceFall.selector, 3 * AMOUNT, 7.5e6 + 1, 292.5e6));
        _releaseMany(common, payments);
    }

    // given a token that ceases to be one

    function test_token_without_code_later_harms_only_its_own_payments() public {
        OddlyAnsweringToken odd = new OddlyAnsweringToken();
        Terms memory terms = _terms(odd);
        fund(terms);
        fund(coinTerms());
        vm.etch(address(odd), "");
        vm.prank(buyer);
        vm.expectRevert();
        escrow.release(terms, ALL);
        vm.prank(buyer);
        escrow.release(coinTerms(), ALL);
        assertEq(merchant.balance, 97.5e6);
    }
}

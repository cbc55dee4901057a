// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {GasBurner, HungryReceiver, RevertingReceiver} from "./support/BadReceivers.sol";
import {
    BlocklistToken,
    FeeOnTransferToken,
    OddToken,
    OddlyAnsweringToken,
    RebasingToken
} from "./support/BadTokens.sol";
import {RepayingTest} from "./support/RepayingTest.sol";

contract RepayTest is RepayingTest {
    // given a released payment

    function test_repay_of_everything_goes_to_the_buyer_and_names_the_final_status(bool coin) public {
        Terms memory terms = termsIn(coin);
        bytes32 id = reach(terms, Status.Released);
        furnish(terms, AMOUNT);
        (uint256 atBuyer, uint256 atMerchant) = (balance(terms, buyer), balance(terms, merchant));
        vm.warp(START + 1000 days);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRepaid(id, 3, Status.Repaid, 0, AMOUNT, 0);
        repayOut(terms, AMOUNT, valueOf(terms, AMOUNT));
        assertEq(balance(terms, buyer), atBuyer + AMOUNT);
        assertEq(balance(terms, merchant), atMerchant - AMOUNT);
        assertEq(balance(terms, feeRecipient), 2.5e6, "the fee comes back from nobody else");
        assertEq(balance(terms, address(escrow)), 0);
        assertState(id, Status.Repaid, START + 1000 days, 3);
    }

    function test_repay_goes_to_the_buyer_when_a_friend_paid() public {
        Terms memory terms = coinTerms();
        vm.deal(stranger, AMOUNT);
        vm.prank(stranger);
        escrow.fund{value: AMOUNT}(terms, buyer);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        uint256 before = buyer.balance;
        repay(terms, AMOUNT);
        assertEq(buyer.balance, before + AMOUNT);
        assertEq(stranger.balance, 0);
    }

    function test_repay_of_a_part_leaves_status_and_time(bool coin) public {
        Terms memory terms = termsIn(coin);
        bytes32 id = reach(terms, Status.Released);
        furnish(terms, AMOUNT);
        vm.warp(START + 9);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRepaid(id, 3, Status.Released, 0, 40e6, 0);
        repayOut(terms, 40e6, valueOf(terms, 40e6));
        assertState(id, Status.Released, START, 3);
        assertEq(escrow.heldOf(terms), 0, "what is repaid is not held");
    }

    function test_repay_of_a_part_and_then_of_the_rest(bool coin) public {
        Terms memory terms = termsIn(coin);
        bytes32 id = reach(terms, Status.Released);
        furnish(terms, AMOUNT);
        uint256 before = balance(terms, buyer);
        repayOut(terms, 1, valueOf(terms, 1));
        repayOut(terms, AMOUNT - 2, valueOf(terms, AMOUNT - 2));
        assertState(id, Status.Released, START, 4);
        vm.warp(START + 5);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRepaid(id, 5, Status.Repaid, 0, 1, 0);
        repayOut(terms, 1, valueOf(terms, 1));
        assertState(id, Status.Repaid, START + 5, 5);
        assertEq(balance(terms, buyer), before + AMOUNT);
    }

    function test_repay_of_all_is_everything_not_repaid_yet(bool coin) public {
        Terms memory terms = termsIn(coin);
        bytes32 id = reach(terms, Status.Released);
        furnish(terms, AMOUNT);
        repayOut(terms, 30e6, valueOf(terms, 30e6));
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRepaid(id, 4, Status.Repaid, 0, 70e6, 0);
        repayOut(terms, ALL, valueOf(terms, 70e6));
        assertState(id, Status.Repaid, START, 4);
    }

    // given what may be repaid: all that the merchant's side got, the fee included, less what was repaid

    function _exceeds(Terms memory terms, uint256 repayable) private {
        furnish(terms, AMOUNT + 1);
        uint256[2] memory wrong = [repayable + 1, ALL - 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.AmountExceedsRepayable.selector, wrong[i], repayable));
            repayOut(terms, wrong[i], 0);
        }
    }

    function test_repay_reverts_when_more_than_the_amount_is_given() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Released);
        _exceeds(terms, AMOUNT);
    }

    function test_repay_reverts_when_more_than_the_rest_is_given() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Released);
        repay(terms, 40e6);
        _exceeds(terms, 60e6);
    }

    function test_repay_after_partial_amounts_is_bounded_by_what_was_released() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.prank(buyer);
        escrow.release(terms, 30e6);
        vm.prank(merchant);
        escrow.refund(terms, 20e6);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        _exceeds(terms, 80e6);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRepaid(id, 5, Status.Repaid, 0, 80e6, 0);
        repayOut(terms, ALL, 0);
        assertEq(token.balanceOf(buyer), 1e30);
    }

    function test_repay_after_a_partial_release_knows_that_the_last_unit_was_released_too() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, 30e6);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        _exceeds(terms, AMOUNT);
    }

    function test_repay_after_a_resolution_is_bounded_by_the_merchants_part() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Disputed);
        vm.prank(arbiter);
        escrow.resolve(terms, 60e6, 40e6);
        _exceeds(terms, 40e6);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRepaid(id, 5, Status.Resolved, 0, 39e6, 0);
        repayOut(terms, 39e6, 0);
        assertState(id, Status.Resolved, START, 5);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRepaid(id, 6, Status.Repaid, 0, 1e6, 0);
        repayOut(terms, 1e6, 0);
        assertEq(token.balanceOf(buyer), 1e30);
    }

    function test_repay_after_a_resolution_for_the_merchant_is_of_everything() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Disputed);
        vm.prank(arbiter);
        escrow.resolve(terms, 0, AMOUNT);
        _exceeds(terms, AMOUNT);
        repayOut(terms, ALL, 0);
        assertState(id, Status.Repaid, START, 5);
    }

    function test_repay_after_parts_and_a_resolution_counts_all_that_the_buyer_got_before() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Delivered);
        vm.prank(buyer);
        escrow.release(terms, 30e6);
        vm.prank(merchant);
        escrow.refund(terms, 20e6);
        openDispute(terms);
        uint256 clean = vm.snapshotState();
        vm.prank(arbiter);
        escrow.resolve(terms, 15e6, 35e6);
        _exceeds(terms, 65e6);
        vm.revertToState(clean);
        vm.prank(arbiter);
        escrow.resolve(terms, 0, 50e6);
        _exceeds(terms, 80e6);
        vm.revertToState(clean);
        vm.prank(arbiter);
        escrow.resolve(terms, 50e6, 0);
        _exceeds(terms, 30e6);
    }

    function test_repay_reverts_when_the_buyer_got_everything_by_the_resolution() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Resolved);
        _exceeds(terms, 0);
        expectRevertWith(abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 0));
        repayOut(terms, ALL, 0);
    }

    function test_repay_reverts_when_the_amount_is_zero() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Released);
        expectRevertWith(abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 0));
        repayOut(terms, 0, 0);
    }

    function test_repay_adds_up_to_what_was_released(uint128 amount, uint256[4] memory cuts, uint256 toBuyer) public {
        Terms memory terms = tokenTerms();
        terms.amount = bound(amount, 2, type(uint128).max);
        token.mint(buyer, terms.amount);
        reach(terms, Status.Disputed);
        uint256 back = bound(toBuyer, 0, terms.amount - 1);
        vm.prank(arbiter);
        escrow.resolve(terms, back, terms.amount - back);
        uint256 before = token.balanceOf(buyer);
        uint256 left = terms.amount - back;
        for (uint256 i = 0; i < cuts.length && left > 1; ++i) {
            uint256 part = bound(cuts[i], 1, left - 1);
            repay(terms, part);
            left -= part;
        }
        repay(terms, left);
        assertEq(token.balanceOf(buyer), before + terms.amount - back);
        assertEq(uint8(escrow.stateOf(escrow.idOf(terms)).status), uint8(Status.Repaid));
    }

    // given someone else than the merchant

    function test_repay_reverts_for_anyone_but_the_merchant() public {
        Terms memory terms = coinTerms();
        reach(terms, Status.Released);
        address[5] memory others = [buyer, operator, arbiter, feeRecipient, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.deal(others[i], AMOUNT);
            expectRevertWith(abi.encodeWithSelector(IEscrow.NotMerchant.selector, others[i]));
            vm.prank(others[i]);
            escrow.repay{value: AMOUNT}(terms, AMOUNT);
        }
    }

    // given another status

    function test_repay_reverts_in_every_other_status() public {
        for (uint8 s = uint8(Status.Funded); s <= uint8(Status.Repaid); ++s) {
            if (s == uint8(Status.Released) || s == uint8(Status.Resolved)) continue;
            Terms memory terms = another(tokenTerms(), s);
            terms.payBy = uint40(block.timestamp + 1);
            bytes32 id = reach(terms, Status(s));
            furnish(terms, AMOUNT);
            expectRevertWith(abi.encodeWithSelector(IEscrow.WrongStatus.selector, id, s));
            repayOut(terms, AMOUNT, 0);
        }
    }

    function test_repay_reverts_when_nothing_was_funded() public {
        Terms memory terms = tokenTerms();
        expectRevertWith(abi.encodeWithSelector(IEscrow.NotFunded.selector, escrow.idOf(terms)));
        repayOut(terms, AMOUNT, 0);
    }

    function test_repaid_payment_can_be_neither_repaid_nor_funded_again() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Repaid);
        furnish(terms, AMOUNT);
        uint256[2] memory amounts = [uint256(1), ALL];
        for (uint256 i = 0; i < amounts.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.WrongStatus.selector, id, Status.Repaid));
            repayOut(terms, amounts[i], 0);
        }
        expectRevertWith(abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, Status.Repaid));
        vm.prank(buyer);
        escrow.fund(terms, buyer);
    }

    function test_repay_of_one_payment_never_touches_another() public {
        Terms memory first = another(tokenTerms(), 1);
        Terms memory second = another(tokenTerms(), 2);
        reach(first, Status.Released);
        bytes32 id = fund(second);
        repay(first, AMOUNT);
        assertState(id, Status.Funded, START, 1);
        assertEq(escrow.heldOf(second), AMOUNT);
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
    }

    // given money that does not fit

    function test_repay_reverts_when_coin_is_not_exactly_the_part() public {
        Terms memory terms = coinTerms();
        reach(terms, Status.Released);
        vm.deal(merchant, 2 * AMOUNT);
        uint256[3] memory wrong = [uint256(0), 40e6 - 1, 40e6 + 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.WrongCoinAmount.selector, wrong[i], 40e6));
            repayOut(terms, 40e6, wrong[i]);
        }
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongCoinAmount.selector, AMOUNT - 1, AMOUNT));
        repayOut(terms, ALL, AMOUNT - 1);
    }

    function test_repay_reverts_when_coin_comes_along_with_a_token() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Released);
        furnish(terms, AMOUNT);
        vm.deal(merchant, 1);
        expectRevertWith(abi.encodeWithSelector(IEscrow.CoinSentWithToken.selector, 1));
        repayOut(terms, AMOUNT, 1);
    }

    function test_repay_reverts_without_an_allowance_and_leaves_the_payment_as_it_was() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Released);
        vm.expectRevert(
            abi.encodeWithSignature("ERC20InsufficientAllowance(address,uint256,uint256)", address(escrow), 0, 50e6)
        );
        repayOut(terms, 50e6, 0);
        assertState(id, Status.Released, START, 2);
    }

    // given a buyer who takes no coin

    function test_repay_becomes_a_credit_when_the_buyer_takes_no_coin() public {
        address[3] memory bad =
            [address(new RevertingReceiver()), address(new GasBurner()), address(new HungryReceiver(100_000))];
        for (uint256 i = 0; i < bad.length; ++i) {
            Terms memory terms = coinTerms();
            terms.buyer = bad[i];
            bytes32 id = fund(terms);
            vm.prank(terms.buyer);
            escrow.release(terms, ALL);
            furnish(terms, AMOUNT);
            vm.expectEmit(address(escrow));
            emit IEscrow.PaymentRepaid(id, 3, Status.Released, 0, 40e6, 4);
            repayOut(terms, 40e6, 40e6);
            assertEq(escrow.creditOf(bad[i], address(0)), 40e6);
            assertEq(address(escrow).balance, 40e6 * (i + 1));
        }
    }

    function test_repaid_credit_can_be_withdrawn() public {
        RevertingReceiver shy = new RevertingReceiver();
        Terms memory terms = coinTerms();
        terms.buyer = address(shy);
        fund(terms);
        vm.prank(terms.buyer);
        escrow.release(terms, ALL);
        repay(terms, AMOUNT);
        shy.setOpen(true);
        escrow.withdraw(address(shy), address(0), ALL);
        assertEq(address(shy).balance, AMOUNT);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract RefundTest is EscrowTest {
    function _refund(address caller, Terms memory terms, uint256 amount) private {
        vm.prank(caller);
        escrow.refund(terms, amount);
    }

    function test_refund_gives_the_buyer_everything_without_a_fee(bool coin, bool byOperator) public {
        Terms memory terms = termsIn(coin);
        uint256 before = balance(terms, buyer);
        bytes32 id = fund(terms);
        vm.warp(START + 3);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRefunded(id, 2, Status.Refunded, 0, AMOUNT, 0);
        _refund(byOperator ? operator : merchant, terms, ALL);
        assertEq(balance(terms, buyer), before);
        assertEq(balance(terms, feeRecipient), 0);
        assertState(id, Status.Refunded, START + 3, 2);
    }

    function test_refund_goes_to_the_buyer_when_a_friend_paid() public {
        Terms memory terms = coinTerms();
        vm.deal(stranger, AMOUNT);
        vm.prank(stranger);
        escrow.fund{value: AMOUNT}(terms, buyer);
        uint256 before = buyer.balance;
        _refund(merchant, terms, ALL);
        assertEq(buyer.balance, before + AMOUNT);
        assertEq(stranger.balance, 0);
    }

    function test_refund_works_in_every_status_that_holds_money_and_after_the_deadlines() public {
        Status[3] memory holding = [Status.Funded, Status.Delivered, Status.Disputed];
        for (uint256 i = 0; i < holding.length; ++i) {
            Terms memory terms = tokenTerms();
            (terms.orderHash, terms.payBy) = (bytes32(i), uint40(block.timestamp + 1));
            bytes32 id = reach(terms, holding[i]);
            vm.warp(block.timestamp + 1000 days);
            _refund(merchant, terms, ALL);
            assertState(id, Status.Refunded, block.timestamp, i + 2);
        }
    }

    function test_refund_of_a_part_leaves_status_and_time() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Delivered);
        vm.warp(START + 50);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRefunded(id, 3, Status.Delivered, 70e6, 30e6, 0);
        _refund(merchant, terms, 30e6);
        assertState(id, Status.Delivered, START, 3);
        _refund(merchant, terms, 70e6);
        assertState(id, Status.Refunded, START + 50, 4);
    }

    function test_refund_reverts_for_anyone_else() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        address[4] memory others = [buyer, arbiter, feeRecipient, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.NotMerchantOrOperator.selector, others[i]));
            _refund(others[i], terms, ALL);
        }
    }

    function test_refund_reverts_when_already_released() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Released);
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongStatus.selector, id, Status.Released));
        _refund(merchant, terms, ALL);
    }

    function test_refund_reverts_when_the_amount_is_out_of_bounds() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        expectRevertWith(abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 0));
        _refund(merchant, terms, 0);
        expectRevertWith(abi.encodeWithSelector(IEscrow.AmountExceedsHeld.selector, AMOUNT + 1, AMOUNT));
        _refund(merchant, terms, AMOUNT + 1);
    }

    function test_refund_of_a_part_reverts_while_disputed() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Disputed);
        expectRevertWith(abi.encodeWithSelector(IEscrow.OnlyWholeWhileDisputed.selector, 1, AMOUNT));
        _refund(merchant, terms, 1);
        _refund(merchant, terms, AMOUNT);
        assertState(escrow.idOf(terms), Status.Refunded, START, 4);
    }

    function test_refund_of_one_payment_never_touches_another() public {
        Terms memory first = tokenTerms();
        Terms memory second = tokenTerms();
        second.orderHash = keccak256("order 2");
        fund(first);
        fund(second);
        _refund(merchant, first, ALL);
        assertEq(escrow.heldOf(second), AMOUNT);
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongStatus.selector, escrow.idOf(first), Status.Refunded));
        _refund(merchant, first, ALL);
    }
}

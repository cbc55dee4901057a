// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract ConfirmDeliveryTest is EscrowTest {
    function test_confirmDelivery_by_merchant_opens_the_window_and_moves_nothing() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.warp(START + 5);
        vm.expectEmit(address(escrow));
        emit IEscrow.DeliveryConfirmed(id, 2, Status.Delivered, AMOUNT);
        confirm(terms);
        assertState(id, Status.Delivered, START + 5, 2);
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
    }

    function test_confirmDelivery_by_operator() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.prank(operator);
        escrow.confirmDelivery(terms);
        assertState(id, Status.Delivered, START, 2);
    }

    function test_confirmDelivery_releases_at_once_when_the_window_is_zero() public {
        Terms memory terms = withoutDispute(tokenTerms());
        bytes32 id = fund(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.DeliveryConfirmed(id, 2, Status.Delivered, AMOUNT);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 3, Status.Released, 0, 97.5e6, 2.5e6, 0);
        confirm(terms);
        assertState(id, Status.Released, START, 3);
        assertEq(token.balanceOf(merchant), 97.5e6);
        assertEq(token.balanceOf(feeRecipient), 2.5e6);
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    function test_confirmDelivery_keeps_partial_amounts() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.prank(buyer);
        escrow.release(terms, 10e6);
        vm.prank(merchant);
        escrow.refund(terms, 5e6);
        vm.expectEmit(address(escrow));
        emit IEscrow.DeliveryConfirmed(id, 4, Status.Delivered, 85e6);
        confirm(terms);
        assertEq(escrow.heldOf(terms), 85e6);
    }

    function test_confirmDelivery_reverts_for_anyone_else() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        address[4] memory others = [buyer, arbiter, feeRecipient, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.NotMerchantOrOperator.selector, others[i]));
            vm.prank(others[i]);
            escrow.confirmDelivery(terms);
        }
    }

    function test_confirmDelivery_without_operator_is_not_open_to_the_zero_address() public {
        Terms memory terms = tokenTerms();
        terms.operator = address(0);
        fund(terms);
        expectRevertWith(abi.encodeWithSelector(IEscrow.NotMerchantOrOperator.selector, stranger));
        vm.prank(stranger);
        escrow.confirmDelivery(terms);
    }

    function test_confirmDelivery_works_until_the_second_before_the_periods_end() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.warp(START + DELIVERY_PERIOD - 1);
        confirm(terms);
        assertState(id, Status.Delivered, START + DELIVERY_PERIOD - 1, 2);
    }

    function test_confirmDelivery_reverts_at_the_periods_end() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        uint256 until = START + DELIVERY_PERIOD;
        vm.warp(until);
        expectRevertWith(abi.encodeWithSelector(IEscrow.ConfirmTooLate.selector, until, until));
        vm.prank(merchant);
        escrow.confirmDelivery(terms);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract DisputeTest is EscrowTest {
    function test_dispute_stops_the_window_and_moves_nothing() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Delivered);
        vm.warp(START + DISPUTE_WINDOW - 1);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentDisputed(id, 3, Status.Disputed, AMOUNT);
        openDispute(terms);
        assertState(id, Status.Disputed, START + DISPUTE_WINDOW - 1, 3);
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
    }

    function test_dispute_reverts_at_the_windows_end() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Delivered);
        uint256 until = START + DISPUTE_WINDOW;
        vm.warp(until);
        expectRevertWith(abi.encodeWithSelector(IEscrow.DisputeTooLate.selector, until, until));
        openDispute(terms);
    }

    function test_dispute_reverts_for_anyone_but_the_buyer() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Delivered);
        address[4] memory others = [merchant, operator, arbiter, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.NotBuyer.selector, others[i]));
            vm.prank(others[i]);
            escrow.dispute(terms);
        }
    }

    function test_dispute_is_the_buyers_when_a_friend_paid() public {
        Terms memory terms = tokenTerms();
        terms.buyer = address(0);
        vm.prank(buyer);
        escrow.fund(terms, stranger);
        confirm(terms);
        expectRevertWith(abi.encodeWithSelector(IEscrow.NotBuyer.selector, buyer));
        openDispute(terms);
        vm.prank(stranger);
        escrow.dispute(terms);
    }

    function test_dispute_keeps_partial_amounts() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Delivered);
        vm.prank(buyer);
        escrow.release(terms, 1e6);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentDisputed(id, 4, Status.Disputed, 99e6);
        openDispute(terms);
        assertEq(escrow.heldOf(terms), 99e6);
    }
}

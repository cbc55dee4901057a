// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract ReclaimTest is EscrowTest {
    function test_reclaim_by_anyone_pays_the_buyer_at_the_delivery_periods_end(bool coin) public {
        Terms memory terms = termsIn(coin);
        uint256 before = balance(terms, buyer);
        bytes32 id = fund(terms);
        vm.warp(START + DELIVERY_PERIOD);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReclaimed(id, 2, Status.Reclaimed, 0, AMOUNT, 0);
        vm.prank(stranger);
        escrow.reclaim(terms);
        assertEq(balance(terms, buyer), before);
        assertState(id, Status.Reclaimed, START + DELIVERY_PERIOD, 2);
    }

    function test_reclaim_reverts_the_second_before_the_delivery_periods_end() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        uint256 from = START + DELIVERY_PERIOD;
        vm.warp(from - 1);
        expectRevertWith(abi.encodeWithSelector(IEscrow.ReclaimTooEarly.selector, from - 1, from));
        escrow.reclaim(terms);
    }

    function test_reclaim_pays_the_rest_after_partial_amounts_that_move_no_deadline() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.warp(START + DELIVERY_PERIOD - 1);
        vm.prank(buyer);
        escrow.release(terms, 10e6);
        vm.warp(START + DELIVERY_PERIOD);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReclaimed(id, 3, Status.Reclaimed, 0, 90e6, 0);
        escrow.reclaim(terms);
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    function test_reclaim_works_when_the_arbiter_stays_away() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Disputed);
        uint256 from = START + ARBITRATION_PERIOD;
        vm.warp(from - 1);
        expectRevertWith(abi.encodeWithSelector(IEscrow.ReclaimTooEarly.selector, from - 1, from));
        escrow.reclaim(terms);
        vm.warp(from);
        vm.prank(stranger);
        escrow.reclaim(terms);
        assertState(id, Status.Reclaimed, from, 4);
        assertEq(token.balanceOf(merchant), 0);
    }

    function test_reclaim_reverts_when_delivered_however_late() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Delivered);
        vm.warp(START + 5000 days);
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongStatus.selector, id, Status.Delivered));
        escrow.reclaim(terms);
    }
}

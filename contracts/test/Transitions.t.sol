// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

/// @notice Every status with every verb, called by whom it belongs to and in time, so that only the status decides.
contract TransitionsTest is EscrowTest {
    enum Verb {
        Fund,
        ConfirmDelivery,
        Release,
        Refund,
        Reclaim,
        Dispute,
        Resolve
    }

    /// @dev The one table: which status a verb leads to; None: forbidden.
    function _leadsTo(Status from, Verb verb) private pure returns (Status) {
        if (from == Status.None) return verb == Verb.Fund ? Status.Funded : Status.None;
        if (from != Status.Funded && from != Status.Delivered && from != Status.Disputed) return Status.None;
        if (verb == Verb.Release) return Status.Released;
        if (verb == Verb.Refund) return Status.Refunded;
        if (verb == Verb.ConfirmDelivery) return from == Status.Funded ? Status.Delivered : Status.None;
        if (verb == Verb.Reclaim) return from == Status.Delivered ? Status.None : Status.Reclaimed;
        if (verb == Verb.Dispute) return from == Status.Delivered ? Status.Disputed : Status.None;
        if (verb == Verb.Resolve) return from == Status.Disputed ? Status.Resolved : Status.None;
        return Status.None;
    }

    function _refusal(bytes32 id, Status from, Verb verb) private pure returns (bytes memory) {
        if (verb == Verb.Fund) return abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, from);
        if (from == Status.None) return abi.encodeWithSelector(IEscrow.NotFunded.selector, id);
        return abi.encodeWithSelector(IEscrow.WrongStatus.selector, id, from);
    }

    function _do(Terms memory terms, Verb verb) private {
        if (verb == Verb.Fund) {
            vm.prank(buyer);
            escrow.fund(terms, buyer);
        } else if (verb == Verb.ConfirmDelivery) {
            vm.prank(merchant);
            escrow.confirmDelivery(terms);
        } else if (verb == Verb.Release) {
            vm.prank(buyer);
            escrow.release(terms, ALL);
        } else if (verb == Verb.Refund) {
            vm.prank(merchant);
            escrow.refund(terms, ALL);
        } else if (verb == Verb.Reclaim) {
            vm.prank(stranger);
            escrow.reclaim(terms);
        } else if (verb == Verb.Dispute) {
            vm.prank(buyer);
            escrow.dispute(terms);
        } else {
            vm.prank(arbiter);
            escrow.resolve(terms, 0, AMOUNT);
        }
    }

    function test_every_pair_of_status_and_verb() public {
        uint256 allowed;
        for (uint8 s = uint8(Status.None); s <= uint8(Status.Resolved); ++s) {
            for (uint8 v = 0; v <= uint8(Verb.Resolve); ++v) {
                uint256 clean = vm.snapshotState();
                if (_tryPair(Status(s), Verb(v))) ++allowed;
                vm.revertToState(clean);
            }
        }
        assertEq(allowed, 12);
    }

    function _tryPair(Status from, Verb verb) private returns (bool allowed) {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, from);
        Status to = _leadsTo(from, verb);
        if (verb == Verb.Reclaim) vm.warp(block.timestamp + ARBITRATION_PERIOD);
        allowed = to != Status.None;
        if (!allowed) expectRevertWith(_refusal(id, from, verb));
        _do(terms, verb);
        assertEq(uint8(escrow.stateOf(id).status), uint8(allowed ? to : from));
    }

    // From every status that holds money, time alone opens a way out that needs no one's permission.

    function test_exit_from_every_status_that_holds_money() public {
        Status[3] memory holding = [Status.Funded, Status.Delivered, Status.Disputed];
        for (uint256 i = 0; i < holding.length; ++i) {
            Terms memory terms = tokenTerms();
            (terms.orderHash, terms.payBy) = (bytes32(i), uint40(block.timestamp + 1));
            reach(terms, holding[i]);
            vm.warp(block.timestamp + 400 days);
            vm.prank(stranger);
            if (holding[i] == Status.Delivered) escrow.release(terms, ALL);
            else escrow.reclaim(terms);
            assertEq(escrow.heldOf(terms), 0);
        }
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    // Terms that differ in anything are another payment.

    function test_no_verb_works_with_other_terms() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        terms.merchant = stranger;
        bytes32 other = escrow.idOf(terms);
        for (uint8 v = 1; v <= uint8(Verb.Resolve); ++v) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.NotFunded.selector, other));
            _do(terms, Verb(v));
        }
    }
}

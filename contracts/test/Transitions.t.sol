// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {TransitionTest} from "./support/TransitionTest.sol";

/// @notice Every status with every verb, called by whom it belongs to and in time, so that only the status decides.
contract TransitionsTest is TransitionTest {
    /// @dev The one table: which status a verb leads to; None: forbidden.
    function _leadsTo(Status from, Verb verb) private pure returns (Status) {
        if (from == Status.None) return isFunding(verb) ? Status.Funded : Status.None;
        if (verb == Verb.Repay) {
            return from == Status.Released || from == Status.Resolved ? Status.Repaid : Status.None;
        }
        if (from != Status.Funded && from != Status.Delivered && from != Status.Disputed) return Status.None;
        if (verb == Verb.Release || verb == Verb.ReleaseWithReceipt || verb == Verb.ReleaseMany) {
            return Status.Released;
        }
        if (verb == Verb.Refund) return Status.Refunded;
        if (verb == Verb.ConfirmDelivery || verb == Verb.ConfirmDeliveryMany) {
            return from == Status.Funded ? Status.Delivered : Status.None;
        }
        if (verb == Verb.Reclaim) return from == Status.Delivered ? Status.None : Status.Reclaimed;
        if (verb == Verb.Dispute) return from == Status.Delivered ? Status.Disputed : Status.None;
        if (verb == Verb.Resolve) return from == Status.Disputed ? Status.Resolved : Status.None;
        return Status.None;
    }

    function _refusal(bytes32 id, Status from, Verb verb) private pure returns (bytes memory) {
        if (isFunding(verb)) return abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, from);
        if (from == Status.None) return abi.encodeWithSelector(IEscrow.NotFunded.selector, id);
        return abi.encodeWithSelector(IEscrow.WrongStatus.selector, id, from);
    }

    function test_every_pair_of_status_and_verb() public {
        uint256 allowed;
        for (uint8 s = uint8(Status.None); s <= uint8(type(Status).max); ++s) {
            for (uint8 v = 0; v <= uint8(type(Verb).max); ++v) {
                uint256 clean = vm.snapshotState();
                if (_tryPair(Status(s), Verb(v))) ++allowed;
                vm.revertToState(clean);
            }
        }
        // 5 ways to fund; 3 to release and 1 to refund, from 3 statuses each; 2 to confirm; from 2 to reclaim; dispute;
        // resolve; from 2 to repay
        assertEq(allowed, 5 + 9 + 3 + 2 + 2 + 1 + 1 + 2);
    }

    function _tryPair(Status from, Verb verb) private returns (bool allowed) {
        Terms memory terms = tokenTerms();
        bytes32 id = from == Status.Resolved ? _resolved(terms) : reach(terms, from);
        Status to = _leadsTo(from, verb);
        if (verb == Verb.Reclaim) vm.warp(block.timestamp + ARBITRATION_PERIOD);
        uint256 seq = escrow.stateOf(id).seq;
        allowed = to != Status.None;
        vm.recordLogs();
        bytes memory reason = act(terms, verb);
        if (allowed) assertEq(reason, "");
        else _assertRefused(verb, reason, _refusal(id, from, verb));
        assertEq(uint8(escrow.stateOf(id).status), uint8(allowed ? to : from));
        assertEq(escrow.stateOf(id).seq, allowed ? seq + 1 : seq);
    }

    /// @dev In the merchant's favour, so that there is something to repay.
    function _resolved(Terms memory terms) private returns (bytes32 id) {
        id = reach(terms, Status.Disputed);
        vm.prank(arbiter);
        escrow.resolve(terms, 0, terms.amount);
    }

    /// @dev Where others revert, a batch skips the item for the same reason, and a deposit goes back to the buyer.
    function _assertRefused(Verb verb, bytes memory reason, bytes memory refusal) private {
        if (!neverReverts(verb)) return assertEq(reason, refusal);
        assertEq(reason, "");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        if (verb == Verb.Collect) return assertEq(last.topics[0], IEscrow.DepositReturned.selector);
        assertEq(last.topics[0], IEscrow.ItemSkipped.selector);
        (, bytes4 why) = abi.decode(last.data, (uint256, bytes4));
        assertEq(why, bytes4(refusal));
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
        bytes32 id = fund(terms);
        terms.orderHash = keccak256("another order");
        bytes32 other = escrow.idOf(terms);
        for (uint8 v = 0; v <= uint8(type(Verb).max); ++v) {
            Verb verb = Verb(v);
            if (isFunding(verb)) continue;
            vm.recordLogs();
            _assertRefused(verb, act(terms, verb), _refusal(other, Status.None, verb));
        }
        assertState(id, Status.Funded, START, 1);
    }
}

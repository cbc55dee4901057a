// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../../src/IEscrow.sol";
import {State} from "../../src/StateLib.sol";
import {svm, vm} from "./Cheats.sol";
import {both, either} from "./Logic.sol";
import {SymbolicEscrow} from "./SymbolicEscrow.sol";

/// @notice `OnlyForward`: whatever the payment's slot says and whatever else is stored, for all terms, callers, times below 2^40
/// and arguments, a verb reverts, or the status goes along the table by whom and when the table says. In the second case the
/// buyer stays, `since` is now if the status is new and stays otherwise, and `seq` counts on by one event (two for a
/// confirmed delivery that releases at once). In coin, where a push fails if the escrow has too little of it; the
/// slot and the rules are the same for tokens. Bounds: see `SymbolicEscrow` and `docs/proofs.md`.
contract OnlyForwardProof is SymbolicEscrow {
    uint256 internal constant NONE = uint256(Status.None);
    uint256 internal constant FUNDED = uint256(Status.Funded);
    uint256 internal constant DELIVERED = uint256(Status.Delivered);
    uint256 internal constant RELEASED = uint256(Status.Released);
    uint256 internal constant REFUNDED = uint256(Status.Refunded);
    uint256 internal constant RECLAIMED = uint256(Status.Reclaimed);
    uint256 internal constant DISPUTED = uint256(Status.Disputed);
    uint256 internal constant RESOLVED = uint256(Status.Resolved);
    uint256 internal constant REPAID = uint256(Status.Repaid);

    /// @notice None → funded before `payBy`, once: a status other than none is kept. The buyer is the one named, if one is named.
    function check_fund(Terms memory terms, address buyer, address caller, uint256 coin, uint40 time) external {
        (bytes32 id, State before) = _before(terms, time);
        vm.deal(caller, coin);
        if (!done(caller, coin, abi.encodeCall(IEscrow.fund, (terms, buyer)))) return;
        State later = stateOf(id);
        bool named = either(terms.buyer == address(0), terms.buyer == buyer);
        bool written = both(both(later.buyer() == buyer, later.since() == time), later.seq() == 1);
        bool forward = both(before.statusNumber() == NONE, later.statusNumber() == FUNDED);
        assert(both(both(forward, time < terms.payBy), both(named, written)));
    }

    /// @notice Holding → released, or the same while not disputed; by the buyer, or by anyone, all, once the window is over.
    function check_release(Terms memory terms, uint256 amount, address caller, uint40 time) external {
        (bytes32 id, State before) = _before(terms, time);
        if (!done(caller, 0, abi.encodeCall(IEscrow.release, (terms, amount)))) return;
        State later = stateOf(id);
        bool ends = later.statusNumber() == RELEASED;
        bool windowOver = both(before.statusNumber() == DELIVERED, time >= before.since() + terms.disputeWindow);
        bool may = either(caller == before.buyer(), both(windowOver, ends));
        assert(
            both(both(_holds(before), either(ends, _stays(before, later))), both(may, _counts(before, later, time, 1)))
        );
    }

    /// @notice Holding → released. Whose signature it takes, `BindingProof` says.
    function check_releaseWithReceipt(Terms memory terms, address caller, uint40 time) external {
        (bytes32 id, State before) = _before(terms, time);
        bytes memory signature = svm.createBytes(65, "signature");
        if (!done(caller, 0, abi.encodeCall(IEscrow.releaseWithReceipt, (terms, signature)))) return;
        State later = stateOf(id);
        bool forward = both(_holds(before), later.statusNumber() == RELEASED);
        assert(both(forward, _counts(before, later, time, 1)));
    }

    /// @notice Holding → refunded, or the same while not disputed; by the merchant, or by an operator whom he has not dismissed.
    function check_refund(Terms memory terms, uint256 amount, address caller, uint40 time) external {
        (bytes32 id, State before) = _before(terms, time);
        bool may = _speaksForMerchant(terms, caller);
        if (!done(caller, 0, abi.encodeCall(IEscrow.refund, (terms, amount)))) return;
        State later = stateOf(id);
        bool forward = either(later.statusNumber() == REFUNDED, _stays(before, later));
        assert(both(both(_holds(before), forward), both(may, _counts(before, later, time, 1))));
    }

    /// @notice Funded → reclaimed from the end of the delivery period, disputed → reclaimed from the end of the arbitration period;
    /// by anyone.
    function check_reclaim(Terms memory terms, address caller, uint40 time) external {
        (bytes32 id, State before) = _before(terms, time);
        if (!done(caller, 0, abi.encodeCall(IEscrow.reclaim, (terms)))) return;
        State later = stateOf(id);
        bool undelivered = both(before.statusNumber() == FUNDED, time >= before.since() + terms.deliveryPeriod);
        bool unresolved = both(before.statusNumber() == DISPUTED, time >= before.since() + terms.arbitrationPeriod);
        bool forward = both(either(undelivered, unresolved), later.statusNumber() == RECLAIMED);
        assert(both(forward, _counts(before, later, time, 1)));
    }

    /// @notice Funded → delivered before the end of the delivery period, and on to released if there is no dispute window; by the
    /// merchant, or by an operator whom he has not dismissed.
    function check_confirmDelivery(Terms memory terms, address caller, uint40 time) external {
        (bytes32 id, State before) = _before(terms, time);
        bool may = _speaksForMerchant(terms, caller);
        if (!done(caller, 0, abi.encodeCall(IEscrow.confirmDelivery, (terms)))) return;
        State later = stateOf(id);
        bool inTime = both(before.statusNumber() == FUNDED, time < before.since() + terms.deliveryPeriod);
        bool toDelivered =
            both(both(terms.disputeWindow != 0, later.statusNumber() == DELIVERED), _counts(before, later, time, 1));
        bool toReleased =
            both(both(terms.disputeWindow == 0, later.statusNumber() == RELEASED), _counts(before, later, time, 2));
        assert(both(both(inTime, may), either(toDelivered, toReleased)));
    }

    /// @notice Delivered → disputed before the end of the dispute window; by the buyer.
    function check_dispute(Terms memory terms, address caller, uint40 time) external {
        (bytes32 id, State before) = _before(terms, time);
        if (!done(caller, 0, abi.encodeCall(IEscrow.dispute, (terms)))) return;
        State later = stateOf(id);
        bool inTime = both(before.statusNumber() == DELIVERED, time < before.since() + terms.disputeWindow);
        bool forward = both(later.statusNumber() == DISPUTED, _counts(before, later, time, 1));
        assert(both(both(inTime, caller == before.buyer()), forward));
    }

    /// @notice Disputed → resolved before the end of the arbitration period; by the arbiter.
    function check_resolve(Terms memory terms, uint256 toBuyer, uint256 toMerchant, address caller, uint40 time)
        external
    {
        (bytes32 id, State before) = _before(terms, time);
        if (!done(caller, 0, abi.encodeCall(IEscrow.resolve, (terms, toBuyer, toMerchant)))) return;
        State later = stateOf(id);
        bool inTime = both(before.statusNumber() == DISPUTED, time < before.since() + terms.arbitrationPeriod);
        bool forward = both(later.statusNumber() == RESOLVED, _counts(before, later, time, 1));
        assert(both(both(inTime, caller == terms.arbiter), forward));
    }

    /// @notice Released or resolved → repaid, or the same; by the merchant himself.
    function check_repay(Terms memory terms, uint256 amount, address caller, uint256 coin, uint40 time) external {
        (bytes32 id, State before) = _before(terms, time);
        vm.deal(caller, coin);
        if (!done(caller, coin, abi.encodeCall(IEscrow.repay, (terms, amount)))) return;
        State later = stateOf(id);
        (uint256 was, uint256 becomes) = (before.statusNumber(), later.statusNumber());
        bool forward = both(either(was == RELEASED, was == RESOLVED), either(becomes == REPAID, becomes == was));
        assert(both(both(forward, caller == terms.merchant), _counts(before, later, time, 1)));
    }

    function _before(Terms memory terms, uint40 time) private returns (bytes32 id, State state) {
        vm.warp(time);
        terms.token = address(0);
        (id, state) = paymentOf(terms);
    }

    function _holds(State state) private pure returns (bool) {
        uint256 status = state.statusNumber();
        return either(either(status == FUNDED, status == DELIVERED), status == DISPUTED);
    }

    function _stays(State before, State later) private pure returns (bool) {
        return both(later.statusNumber() == before.statusNumber(), later.statusNumber() != DISPUTED);
    }

    function _counts(State before, State later, uint256 time, uint256 events) private pure returns (bool) {
        bool counted = both(later.seq() == before.seq() + events, later.buyer() == before.buyer());
        bool same = both(later.statusNumber() == before.statusNumber(), later.since() == before.since());
        bool fresh = both(later.statusNumber() != before.statusNumber(), later.since() == time);
        return both(counted, either(same, fresh));
    }

    function _speaksForMerchant(Terms memory terms, address caller) private view returns (bool) {
        bool dismissed = escrow.isDismissed(terms.merchant, caller);
        return either(caller == terms.merchant, both(caller == terms.operator, !dismissed));
    }
}

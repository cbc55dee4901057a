// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {StorageSlot} from "@openzeppelin/contracts/utils/StorageSlot.sol";

import {Status, Terms} from "./IEscrow.sol";
import {State} from "./StateLib.sol";
import {TermsLib} from "./TermsLib.sol";
import {Treasury} from "./Treasury.sol";

/// @title What the escrow remembers of payments, one slot each and a second one for partial amounts, and how it tells of them.
abstract contract Ledger is Treasury {
    using TermsLib for Terms;

    /// @dev Cumulative amounts. What took the last unit is not among them, since it follows from the terms' amount; only a
    /// resolution that gives the buyer something is, since {repay} has to know.
    struct Parts {
        uint128 released; // gross, the fee included
        uint128 givenBack; // to the buyer: refunded, resolved in his favour, repaid
    }

    /// @dev An id stays what it was when a fork of the chain changes the live chain id.
    uint256 private immutable DEPLOYMENT_CHAIN_ID = block.chainid;

    mapping(bytes32 id => Parts) internal _parts;

    /// @dev The payment of these terms, which must hold money.
    function _holding(Terms calldata terms) internal view returns (bytes32 id, State state, uint256 held) {
        id = _idOf(terms);
        state = _stateOf(id);
        if (!state.holds()) _revertFor(id, state);
        held = state.isSplit() ? _heldOf(id, terms.amount) : terms.amount;
    }

    /// @dev Of a payment that is split and holds money; any other holds the amount or nothing.
    function _heldOf(bytes32 id, uint256 amount) internal view returns (uint256) {
        Parts memory parts = _parts[id];
        return amount - parts.released - parts.givenBack;
    }

    function _only(Status status, bytes32 id, State state) internal pure {
        if (!state.isIn(status)) _revertFor(id, state);
    }

    /// @dev The verb does not exist in this state.
    function _revertFor(bytes32 id, State state) internal pure {
        if (state.isIn(Status.None)) revert NotFunded(id);
        revert WrongStatus(id, state.status());
    }

    /// @dev Writes down a part; each sum stays at most the amount, and so below 2^128.
    /// @return the slot, which has to be saved
    function _split(bytes32 id, State state, uint256 toMerchant, uint256 toBuyer) internal returns (State) {
        // Zeros are what an untouched slot says.
        // slither-disable-next-line uninitialized-local
        Parts memory parts;
        if (state.isSplit()) parts = _parts[id];
        _parts[id] = Parts(uint128(parts.released + toMerchant), uint128(parts.givenBack + toBuyer));
        return state.split();
    }

    /// @dev A payment's slot lies at its id, which is a hash already: no mapping hashes it again, and whoever wants a storage proof
    /// of a payment needs nothing but its id.
    function _stateOf(bytes32 id) internal view returns (State) {
        return State.wrap(StorageSlot.getUint256Slot(id).value);
    }

    function _save(bytes32 id, State state) internal returns (State) {
        StorageSlot.getUint256Slot(id).value = State.unwrap(state);
        return state;
    }

    /// @dev The fee is the difference of two floors over the cumulative release, so slices cost what the whole costs. To be
    /// asked before the parts are written down.
    function _feeOn(bytes32 id, State state, uint256 bps, uint256 gross) internal view returns (uint256) {
        uint256 before = state.isSplit() ? _parts[id].released : 0;
        // Amounts are below 2^128, and bps below 2^16.
        unchecked {
            return (before + gross) * bps / 10_000 - before * bps / 10_000;
        }
    }

    // The events of a release and of giving back are written in assembly: solc's own encoding costs half a per cent of either.

    /// @dev Emits {PaymentReleased}.
    function _tellReleased(bytes32 id, State state, uint256 held, uint256 net, uint256 fee, uint256 credited) internal {
        bytes32 topic = PaymentReleased.selector;
        uint256 data = _head(state, held);
        assembly ("memory-safe") {
            mstore(add(data, 0x60), net)
            mstore(add(data, 0x80), fee)
            mstore(add(data, 0xa0), credited)
            log2(data, 0xc0, topic, id)
        }
    }

    /// @dev Emits {PaymentRefunded}, {PaymentReclaimed} or {PaymentRepaid}.
    function _tellGivenBack(bytes32 topic, bytes32 id, State state, uint256 held, uint256 toBuyer, uint256 credited)
        internal
    {
        uint256 data = _head(state, held);
        assembly ("memory-safe") {
            mstore(add(data, 0x60), toBuyer)
            mstore(add(data, 0x80), credited)
            log2(data, 0xa0, topic, id)
        }
    }

    /// @return data where an event's data stand that begin like this: beyond the free memory pointer, where nothing is kept
    function _head(State state, uint256 held) private pure returns (uint256 data) {
        (uint256 seq, uint256 status) = (state.seq(), state.statusNumber());
        assembly ("memory-safe") {
            data := mload(0x40)
            mstore(data, seq)
            mstore(add(data, 0x20), status)
            mstore(add(data, 0x40), held)
        }
    }

    function _idOf(Terms calldata terms) internal view returns (bytes32) {
        return terms.id(DEPLOYMENT_CHAIN_ID, address(this));
    }

    function _preimage(Terms calldata common) internal view returns (bytes memory) {
        return common.preimage(DEPLOYMENT_CHAIN_ID, address(this));
    }
}

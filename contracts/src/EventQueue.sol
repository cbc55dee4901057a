// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status} from "./IEscrow.sol";
import {State} from "./StateLib.sol";

/// @title The events of a batch, from the moment when its payments are written down until its money has moved.
/// @dev One memory block: its length, which says how much of it is filled; the totals of what went to the merchant and to the fee
/// recipient; then seven words for each event: the payment's id, and the data as they will be emitted. In assembly, because
/// arrays of structs cost 8% of an item's release.
library EventQueue {
    uint256 private constant HEADER_SIZE = 0x40;
    uint256 private constant EVENT_SIZE = 0xe0;

    /// @return queue with room for so many events
    function make(uint256 length) internal pure returns (bytes memory queue) {
        queue = new bytes(HEADER_SIZE + length * EVENT_SIZE);
        assembly ("memory-safe") {
            mstore(queue, HEADER_SIZE)
        }
    }

    /// @dev Writes the event of a delivery down; its other words are zero.
    function addDelivered(bytes memory queue, bytes32 id, State state, uint256 held) internal pure {
        uint256 start = _add(queue, id, state.seq());
        uint256 status = uint256(Status.Delivered);
        assembly ("memory-safe") {
            mstore(add(start, 0x40), status)
            mstore(add(start, 0x60), held)
        }
    }

    /// @dev Writes the event of a release of everything down; its other words are zero. The totals can't overflow: an
    /// amount is below 2^128, and no batch has so many items.
    function addReleased(bytes memory queue, bytes32 id, State state, uint256 net, uint256 fee) internal pure {
        uint256 start = _add(queue, id, state.seq());
        uint256 status = uint256(Status.Released);
        assembly ("memory-safe") {
            mstore(add(start, 0x40), status)
            mstore(add(start, 0x80), net)
            mstore(add(queue, 0x20), add(mload(add(queue, 0x20)), net))
            if fee {
                mstore(add(start, 0xa0), fee)
                mstore(add(queue, 0x40), add(mload(add(queue, 0x40)), fee))
            }
        }
    }

    /// @return net what all events together say went to the merchant
    /// @return fee and to the fee recipient
    function totals(bytes memory queue) internal pure returns (uint256 net, uint256 fee) {
        assembly ("memory-safe") {
            net := mload(add(queue, 0x20))
            fee := mload(add(queue, 0x40))
        }
    }

    /// @dev Sets a flag in each event that has a net amount, and one in each that has a fee.
    function setCredited(bytes memory queue, uint256 netFlag, uint256 feeFlag) internal pure {
        (uint256 start, uint256 end) = _bounds(queue);
        assembly ("memory-safe") {
            for {} lt(start, end) { start := add(start, EVENT_SIZE) } {
                let ofNet := mul(netFlag, gt(mload(add(start, 0x80)), 0))
                let ofFee := mul(feeFlag, gt(mload(add(start, 0xa0)), 0))
                mstore(add(start, 0xc0), or(ofNet, ofFee))
            }
        }
    }

    /// @dev Emits all events under one topic.
    /// @param size bytes of an event's data
    function emitAll(bytes memory queue, bytes32 topic, uint256 size) internal {
        (uint256 start, uint256 end) = _bounds(queue);
        assembly ("memory-safe") {
            for {} lt(start, end) { start := add(start, EVENT_SIZE) } {
                log2(add(start, 0x20), size, topic, mload(start))
            }
        }
    }

    /// @return start of the first event
    /// @return end of the last one
    function _bounds(bytes memory queue) private pure returns (uint256 start, uint256 end) {
        assembly ("memory-safe") {
            start := add(add(queue, 0x20), HEADER_SIZE)
            end := add(add(queue, 0x20), mload(queue))
        }
    }

    function _add(bytes memory queue, bytes32 id, uint256 seq) private pure returns (uint256 start) {
        assembly ("memory-safe") {
            let length := mload(queue)
            mstore(queue, add(length, EVENT_SIZE))
            start := add(add(queue, 0x20), length)
            mstore(start, id)
            mstore(add(start, 0x20), seq)
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {PaymentState, Status} from "./IEscrow.sol";

/// @dev A payment's one storage slot: `buyer 160 | split 1 | status 7 | since 40 | seq 48`, from the highest bit down. `split`
/// says that a second slot has to be read. Zero: nothing was ever funded.
type State is uint256;

using StateLib for State global;

/// @title What a payment's slot says, and how it changes.
library StateLib {
    uint256 private constant SEQ_BITS = 48;
    uint256 private constant SINCE_BITS = 40;
    uint256 private constant STATUS_AT = SEQ_BITS + SINCE_BITS;
    uint256 private constant SPLIT = 1 << 95;
    uint256 private constant BUYER_AT = 96;
    /// @dev A bit for each status that holds money.
    uint256 private constant HOLDING =
        1 << uint256(Status.Funded) | 1 << uint256(Status.Delivered) | 1 << uint256(Status.Disputed);
    /// @dev All that {enter} leaves as it was.
    uint256 private constant BUYER_SPLIT_AND_SEQ = ~(((1 << 95) - 1) ^ ((1 << SEQ_BITS) - 1));

    /// @return the slot of a payment at its first event
    function funded(address buyer_) internal view returns (State) {
        return enter(State.wrap(uint256(uint160(buyer_)) << BUYER_AT), Status.Funded);
    }

    /// @return the slot after an event that begins a new status now
    function enter(State state, Status status_) internal view returns (State) {
        uint256 kept = State.unwrap(state) & BUYER_SPLIT_AND_SEQ;
        // 2^48 events of one payment cost more gas than there is, and 40 bits of time end in the year 36,812.
        unchecked {
            return State.wrap((kept | uint256(status_) << STATUS_AT | block.timestamp << SEQ_BITS) + 1);
        }
    }

    /// @return the slot after an event that leaves the status
    function next(State state) internal pure returns (State) {
        unchecked {
            return State.wrap(State.unwrap(state) + 1);
        }
    }

    /// @return the slot of a payment that has a second one
    function split(State state) internal pure returns (State) {
        return State.wrap(State.unwrap(state) | SPLIT);
    }

    function buyer(State state) internal pure returns (address) {
        return address(uint160(State.unwrap(state) >> BUYER_AT));
    }

    function isSplit(State state) internal pure returns (bool) {
        return State.unwrap(state) & SPLIT != 0;
    }

    function status(State state) internal pure returns (Status) {
        return Status(statusNumber(state));
    }

    /// @dev Compares numbers: solc checks the range of an enum whenever it is looked at.
    function isIn(State state, Status status_) internal pure returns (bool) {
        return statusNumber(state) == uint256(status_);
    }

    /// @return whether the escrow keeps anything for the payment
    function holds(State state) internal pure returns (bool) {
        return HOLDING >> statusNumber(state) & 1 != 0;
    }

    function since(State state) internal pure returns (uint256) {
        return uint40(State.unwrap(state) >> SEQ_BITS);
    }

    function seq(State state) internal pure returns (uint48) {
        return uint48(State.unwrap(state));
    }

    function unpack(State state) internal pure returns (PaymentState memory) {
        return PaymentState(buyer(state), status(state), uint40(since(state)), seq(state));
    }

    function statusNumber(State state) internal pure returns (uint256) {
        return State.unwrap(state) >> STATUS_AT & 0x7f;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Item, Status, Terms} from "./IEscrow.sol";
import {State} from "./StateLib.sol";
import {TermsLib} from "./TermsLib.sol";
import {Treasury} from "./Treasury.sol";

/// @title What the escrow remembers of payments: one slot each, and a second one for partial amounts.
abstract contract Ledger is Treasury {
    using TermsLib for Terms;

    /// @dev As an amount: everything there is.
    uint256 internal constant ALL = type(uint256).max;

    /// @dev Cumulative amounts, without the one that took the last unit; that one follows from the terms' amount.
    struct Parts {
        uint128 released; // gross, the fee included
        uint128 givenBack; // to the buyer: refunded, resolved in his favour, repaid
    }

    /// @dev A payment as one call sees and changes it.
    struct Payment {
        bytes32 id;
        State state;
        uint256 released; // gross, before this call
        uint256 givenBack; // before this call
        uint256 held;
    }

    /// @dev An id stays what it was when a fork of the chain changes the live chain id.
    uint256 private immutable DEPLOYMENT_CHAIN_ID = block.chainid;

    mapping(bytes32 id => State) internal _states;
    mapping(bytes32 id => Parts) internal _parts;

    /// @dev The payment of these terms, which must hold money.
    function _holding(Terms calldata terms) internal view returns (Payment memory) {
        bytes32 id = _idOf(terms);
        State state = _states[id];
        Status status = state.status();
        if (status == Status.None) revert NotFunded(id);
        if (!_holds(status)) revert WrongStatus(id, status);
        return _held(id, state, terms.amount);
    }

    /// @param state of a payment that holds money
    function _held(bytes32 id, State state, uint256 amount) internal view returns (Payment memory p) {
        p = _withParts(id, state);
        p.held = amount - p.released - p.givenBack;
    }

    function _withParts(bytes32 id, State state) internal view returns (Payment memory p) {
        (p.id, p.state) = (id, state);
        if (!state.isSplit()) return p;
        Parts memory parts = _parts[id];
        (p.released, p.givenBack) = (parts.released, parts.givenBack);
    }

    function _holds(Status status) internal pure returns (bool) {
        return status == Status.Funded || status == Status.Delivered || status == Status.Disputed;
    }

    /// @dev Takes what leaves off the held amount and writes it down. The last unit gives the status its final name.
    function _lower(Payment memory p, uint256 toMerchant, uint256 toBuyer, Status whenEmpty) internal {
        p.held -= toMerchant + toBuyer;
        if (p.held == 0) return _enter(p, whenEmpty);
        _addToParts(p, toMerchant, toBuyer);
        _stay(p);
    }

    /// @dev Both sums stay within the amount, which is below 2^128.
    function _addToParts(Payment memory p, uint256 toMerchant, uint256 toBuyer) internal {
        _parts[p.id] = Parts(uint128(p.released + toMerchant), uint128(p.givenBack + toBuyer));
        p.state = p.state.split();
    }

    function _enter(Payment memory p, Status status) internal {
        _save(p, p.state.enter(status));
    }

    function _stay(Payment memory p) internal {
        _save(p, p.state.next());
    }

    function _save(Payment memory p, State state) private {
        p.state = state;
        _states[p.id] = state;
    }

    /// @dev The fee is the difference of two floors over the cumulative release, so slices cost what the whole costs.
    function _netAndFee(Payment memory p, uint256 bps, uint256 gross) internal pure returns (uint256 net, uint256 fee) {
        if (bps != 0) fee = (p.released + gross) * bps / 10_000 - p.released * bps / 10_000;
        net = gross - fee;
    }

    function _idOf(Terms calldata terms) internal view returns (bytes32) {
        return terms.id(DEPLOYMENT_CHAIN_ID, address(this));
    }

    function _idOf(Terms calldata common, Item calldata item) internal view returns (bytes32) {
        return common.id(item, DEPLOYMENT_CHAIN_ID, address(this));
    }
}

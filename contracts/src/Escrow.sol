// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IEscrow, PaymentState, Status, Terms} from "./IEscrow.sol";
import {TermsLib} from "./TermsLib.sol";
import {Treasury} from "./Treasury.sol";

/// @title The escrow; {IEscrow} says what it promises.
/// @dev Every verb has one rhythm: checks, state, transfers, event. The event comes last because it tells whether a push
/// became a credit; the lock over every verb keeps the events in order.
contract Escrow is Treasury, ReentrancyGuardTransient {
    using TermsLib for Terms;

    /// @dev As an amount: everything held.
    uint256 private constant ALL = type(uint256).max;

    uint8 private constant MERCHANT_CREDITED = 1;
    uint8 private constant FEE_CREDITED = 2;
    uint8 private constant BUYER_CREDITED = 4;

    /// @dev Cumulative partial amounts of a payment that still holds money.
    struct Parts {
        uint128 released; // gross, the fee included
        uint128 givenBack;
    }

    /// @dev A payment that holds money, as one call sees and changes it.
    struct Payment {
        bytes32 id;
        address buyer;
        Status status;
        uint256 since;
        uint48 seq;
        uint256 released; // gross, before this call
        uint256 givenBack; // before this call
        uint256 held;
    }

    /// @dev An id stays what it was when a fork of the chain changes the live chain id.
    uint256 private immutable DEPLOYMENT_CHAIN_ID = block.chainid;

    mapping(bytes32 id => PaymentState) private _states;
    mapping(bytes32 id => Parts) private _parts;

    // ------------------------------------------------------------------------------------------------------------ verbs

    /// @inheritdoc IEscrow
    function fund(Terms calldata terms, address buyer) external payable nonReentrant {
        bytes32 id = _idOf(terms);
        Status status = _states[id].status;
        if (status != Status.None) revert AlreadyFunded(id, status);
        if (block.timestamp >= terms.payBy) revert FundTooLate(block.timestamp, terms.payBy);
        terms.check(buyer);
        _states[id] = PaymentState(buyer, Status.Funded, uint40(block.timestamp), 1);
        _pull(terms.token, terms.amount);
        emit PaymentFunded(id, 1, Status.Funded, terms.amount, msg.sender, buyer, terms);
    }

    /// @inheritdoc IEscrow
    function confirmDelivery(Terms calldata terms) external nonReentrant {
        Payment memory p = _holding(terms);
        _onlyMerchantOrOperator(terms);
        if (p.status != Status.Funded) revert WrongStatus(p.id, p.status);
        uint256 until = p.since + terms.deliveryPeriod;
        if (block.timestamp >= until) revert ConfirmTooLate(block.timestamp, until);
        _enter(p, Status.Delivered);
        emit DeliveryConfirmed(p.id, p.seq, p.status, p.held, 0, 0, 0, 0);
        if (terms.disputeWindow == 0) _release(p, terms, p.held);
        else _save(p);
    }

    /// @inheritdoc IEscrow
    function release(Terms calldata terms, uint256 amount) external nonReentrant {
        Payment memory p = _holding(terms);
        if (msg.sender != p.buyer) _onlyAllAfterWindow(p, terms, amount);
        _release(p, terms, _part(p, amount));
    }

    /// @inheritdoc IEscrow
    function refund(Terms calldata terms, uint256 amount) external nonReentrant {
        Payment memory p = _holding(terms);
        _onlyMerchantOrOperator(terms);
        uint256 part = _part(p, amount);
        _lower(p, 0, part, Status.Refunded);
        uint8 credited = _pay(terms.token, p.buyer, part, BUYER_CREDITED);
        emit PaymentRefunded(p.id, p.seq, p.status, p.held, 0, 0, part, credited);
    }

    /// @inheritdoc IEscrow
    function reclaim(Terms calldata terms) external nonReentrant {
        Payment memory p = _holding(terms);
        if (p.status == Status.Delivered) revert WrongStatus(p.id, p.status);
        uint256 from = p.since + (p.status == Status.Funded ? terms.deliveryPeriod : terms.arbitrationPeriod);
        if (block.timestamp < from) revert ReclaimTooEarly(block.timestamp, from);
        uint256 part = p.held;
        _lower(p, 0, part, Status.Reclaimed);
        uint8 credited = _pay(terms.token, p.buyer, part, BUYER_CREDITED);
        emit PaymentReclaimed(p.id, p.seq, p.status, 0, 0, 0, part, credited);
    }

    /// @inheritdoc IEscrow
    function dispute(Terms calldata terms) external nonReentrant {
        Payment memory p = _holding(terms);
        if (msg.sender != p.buyer) revert NotBuyer(msg.sender);
        if (p.status != Status.Delivered) revert WrongStatus(p.id, p.status);
        uint256 until = p.since + terms.disputeWindow;
        if (block.timestamp >= until) revert DisputeTooLate(block.timestamp, until);
        _enter(p, Status.Disputed);
        _save(p);
        emit PaymentDisputed(p.id, p.seq, p.status, p.held, 0, 0, 0, 0);
    }

    /// @inheritdoc IEscrow
    function resolve(Terms calldata terms, uint256 toBuyer, uint256 toMerchant) external nonReentrant {
        Payment memory p = _holding(terms);
        if (msg.sender != terms.arbiter) revert NotArbiter(msg.sender);
        if (p.status != Status.Disputed) revert WrongStatus(p.id, p.status);
        uint256 until = p.since + terms.arbitrationPeriod;
        if (block.timestamp >= until) revert ResolveTooLate(block.timestamp, until);
        if (toBuyer > p.held || p.held - toBuyer != toMerchant) revert PartsNotHeld(toBuyer, toMerchant, p.held);
        _lower(p, toMerchant, toBuyer, Status.Resolved);
        (uint256 net, uint256 fee, uint8 credited) = _payMerchant(p, terms, toMerchant);
        credited |= _pay(terms.token, p.buyer, toBuyer, BUYER_CREDITED);
        emit DisputeResolved(p.id, p.seq, p.status, 0, net, fee, toBuyer, credited);
    }

    /// @inheritdoc IEscrow
    function withdraw(address account, address token) external nonReentrant {
        uint256 amount = _payCredit(account, token);
        emit CreditWithdrawn(account, token, amount);
    }

    // ------------------------------------------------------------------------------------------------------------ views

    /// @inheritdoc IEscrow
    function idOf(Terms calldata terms) external view nonReentrantView returns (bytes32) {
        return _idOf(terms);
    }

    /// @inheritdoc IEscrow
    function stateOf(bytes32 id) external view nonReentrantView returns (PaymentState memory) {
        return _states[id];
    }

    /// @inheritdoc IEscrow
    function statesOf(bytes32[] calldata ids) external view nonReentrantView returns (PaymentState[] memory states) {
        states = new PaymentState[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            states[i] = _states[ids[i]];
        }
    }

    /// @inheritdoc IEscrow
    function heldOf(Terms calldata terms) external view nonReentrantView returns (uint256) {
        bytes32 id = _idOf(terms);
        if (!_holds(_states[id].status)) return 0;
        return _holding(terms).held;
    }

    /// @inheritdoc IEscrow
    function creditOf(address account, address token) external view nonReentrantView returns (uint256) {
        return _credit(account, token);
    }

    // ----------------------------------------------------------------------------------------------------------- checks

    /// @dev The payment of these terms, which must hold money: every verb after funding moves or guards some.
    function _holding(Terms calldata terms) private view returns (Payment memory p) {
        p.id = _idOf(terms);
        PaymentState memory state = _states[p.id];
        if (state.status == Status.None) revert NotFunded(p.id);
        if (!_holds(state.status)) revert WrongStatus(p.id, state.status);
        (p.buyer, p.status, p.since, p.seq) = (state.buyer, state.status, state.since, state.seq);
        p.held = terms.amount;
        if (_hasParts(p)) {
            Parts memory parts = _parts[p.id];
            (p.released, p.givenBack) = (parts.released, parts.givenBack);
            p.held -= p.released + p.givenBack;
        }
    }

    function _holds(Status status) private pure returns (bool) {
        return status == Status.Funded || status == Status.Delivered || status == Status.Disputed;
    }

    /// @dev Without partial amounts a payment's events are: 1 funded, 2 delivered, 3 disputed. Whatever number is higher
    /// comes from a partial amount, and only then the second slot is worth reading.
    function _hasParts(Payment memory p) private pure returns (bool) {
        uint256 seqWithoutParts = p.status == Status.Funded ? 1 : p.status == Status.Delivered ? 2 : 3;
        return p.seq > seqWithoutParts;
    }

    function _onlyMerchantOrOperator(Terms calldata terms) private view {
        if (msg.sender != terms.merchant && msg.sender != terms.operator) revert NotMerchantOrOperator(msg.sender);
    }

    /// @dev Anyone but the buyer may release everything, once the buyer has let the dispute window pass.
    function _onlyAllAfterWindow(Payment memory p, Terms calldata terms, uint256 amount) private view {
        if (p.status != Status.Delivered) revert NotBuyer(msg.sender);
        uint256 from = p.since + terms.disputeWindow;
        if (block.timestamp < from) revert ReleaseTooEarly(block.timestamp, from);
        if (amount != ALL && amount != p.held) revert NotBuyer(msg.sender);
    }

    /// @return the amount in base units that may be moved out of what is held
    function _part(Payment memory p, uint256 amount) private pure returns (uint256) {
        if (amount == ALL) return p.held;
        if (amount == 0) revert AmountOutOfBounds(amount);
        if (amount > p.held) revert AmountExceedsHeld(amount, p.held);
        if (p.status == Status.Disputed && amount != p.held) revert OnlyWholeWhileDisputed(amount, p.held);
        return amount;
    }

    // ------------------------------------------------------------------------------------------------- state and money

    function _release(Payment memory p, Terms calldata terms, uint256 part) private {
        _lower(p, part, 0, Status.Released);
        (uint256 net, uint256 fee, uint8 credited) = _payMerchant(p, terms, part);
        emit PaymentReleased(p.id, p.seq, p.status, p.held, net, fee, 0, credited);
    }

    /// @dev The fee is the difference of two floors over the cumulative release, so slices cost what the whole costs.
    function _payMerchant(Payment memory p, Terms calldata terms, uint256 gross)
        private
        returns (uint256 net, uint256 fee, uint8 credited)
    {
        uint256 bps = terms.feeBps;
        if (bps != 0) fee = (p.released + gross) * bps / 10_000 - p.released * bps / 10_000;
        net = gross - fee;
        credited = _pay(terms.token, terms.merchant, net, MERCHANT_CREDITED);
        credited |= _pay(terms.token, terms.feeRecipient, fee, FEE_CREDITED);
    }

    /// @dev Takes what leaves off the held amount and writes it down. The last unit gives the status its final name.
    function _lower(Payment memory p, uint256 toMerchant, uint256 toBuyer, Status whenEmpty) private {
        p.held -= toMerchant + toBuyer;
        if (p.held == 0) {
            _enter(p, whenEmpty);
        } else {
            ++p.seq;
            // Both sums stay below the amount, and the amount below 2^128.
            _parts[p.id] = Parts(uint128(p.released + toMerchant), uint128(p.givenBack + toBuyer));
        }
        _save(p);
    }

    function _enter(Payment memory p, Status status) private view {
        p.status = status;
        p.since = block.timestamp;
        ++p.seq;
    }

    function _save(Payment memory p) private {
        _states[p.id] = PaymentState(p.buyer, p.status, uint40(p.since), p.seq);
    }

    function _idOf(Terms calldata terms) private view returns (bytes32) {
        return terms.id(DEPLOYMENT_CHAIN_ID, address(this));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IEscrow, Status, Terms} from "./IEscrow.sol";
import {Ledger} from "./Ledger.sol";

/// @title What becomes of the money: every way out for one payment.
/// @dev Every verb has one rhythm: checks, state, transfers, event. The event comes last because it tells whether a push
/// became a credit; the lock over every verb keeps the events in order.
abstract contract Settling is Ledger, ReentrancyGuardTransient, EIP712 {
    bytes32 private constant RECEIPT_TYPEHASH = keccak256("Receipt(bytes32 id,address buyer)");

    mapping(address merchant => mapping(address operator => bool)) internal _dismissed;

    /// @inheritdoc IEscrow
    function confirmDelivery(Terms calldata terms) external nonReentrant {
        Payment memory p = _holding(terms);
        _onlyMerchantOrOperator(terms);
        _only(Status.Funded, p);
        uint256 until = p.state.since() + terms.deliveryPeriod;
        if (block.timestamp >= until) revert ConfirmTooLate(block.timestamp, until);
        _enter(p, Status.Delivered);
        emit DeliveryConfirmed(p.id, p.state.seq(), Status.Delivered, p.held, 0, 0, 0, 0);
        if (terms.disputeWindow == 0) _release(p, terms, p.held);
    }

    /// @inheritdoc IEscrow
    function release(Terms calldata terms, uint256 amount) external nonReentrant {
        Payment memory p = _holding(terms);
        if (msg.sender != p.state.buyer()) _onlyAllAfterWindow(p, terms, amount);
        _release(p, terms, _part(p, amount));
    }

    /// @inheritdoc IEscrow
    function releaseWithReceipt(Terms calldata terms, bytes calldata signature) external nonReentrant {
        Payment memory p = _holding(terms);
        address buyer = p.state.buyer();
        bytes32 receipt = _hashTypedDataV4(keccak256(abi.encode(RECEIPT_TYPEHASH, p.id, buyer)));
        if (!_isSignedBy(buyer, receipt, signature)) revert NotBuyersReceipt(p.id, buyer);
        _release(p, terms, p.held);
    }

    /// @inheritdoc IEscrow
    function refund(Terms calldata terms, uint256 amount) external nonReentrant {
        Payment memory p = _holding(terms);
        _onlyMerchantOrOperator(terms);
        uint256 part = _part(p, amount);
        _lower(p, 0, part, Status.Refunded);
        uint8 credited = _pay(terms.token, p.state.buyer(), part, BUYER_CREDITED);
        emit PaymentRefunded(p.id, p.state.seq(), p.state.status(), p.held, 0, 0, part, credited);
    }

    /// @inheritdoc IEscrow
    function reclaim(Terms calldata terms) external nonReentrant {
        Payment memory p = _holding(terms);
        Status status = p.state.status();
        if (status == Status.Delivered) revert WrongStatus(p.id, status);
        uint256 from = p.state.since() + (status == Status.Funded ? terms.deliveryPeriod : terms.arbitrationPeriod);
        if (block.timestamp < from) revert ReclaimTooEarly(block.timestamp, from);
        _enter(p, Status.Reclaimed);
        uint8 credited = _pay(terms.token, p.state.buyer(), p.held, BUYER_CREDITED);
        emit PaymentReclaimed(p.id, p.state.seq(), Status.Reclaimed, 0, 0, 0, p.held, credited);
    }

    /// @inheritdoc IEscrow
    function dispute(Terms calldata terms) external nonReentrant {
        Payment memory p = _holding(terms);
        if (msg.sender != p.state.buyer()) revert NotBuyer(msg.sender);
        _only(Status.Delivered, p);
        uint256 until = p.state.since() + terms.disputeWindow;
        if (block.timestamp >= until) revert DisputeTooLate(block.timestamp, until);
        _enter(p, Status.Disputed);
        emit PaymentDisputed(p.id, p.state.seq(), Status.Disputed, p.held, 0, 0, 0, 0);
    }

    /// @inheritdoc IEscrow
    function resolve(Terms calldata terms, uint256 toBuyer, uint256 toMerchant) external nonReentrant {
        Payment memory p = _holding(terms);
        if (msg.sender != terms.arbiter) revert NotArbiter(msg.sender);
        _only(Status.Disputed, p);
        uint256 until = p.state.since() + terms.arbitrationPeriod;
        if (block.timestamp >= until) revert ResolveTooLate(block.timestamp, until);
        if (toBuyer > p.held || p.held - toBuyer != toMerchant) revert PartsNotHeld(toBuyer, toMerchant, p.held);
        (uint256 net, uint256 fee) = _netAndFee(p, terms.feeBps, toMerchant);
        // `repay` has to know what the buyer has already.
        if (toBuyer != 0) _addToParts(p, toMerchant, toBuyer);
        _enter(p, Status.Resolved);
        uint8 credited = _payMerchant(terms, net, fee) | _pay(terms.token, p.state.buyer(), toBuyer, BUYER_CREDITED);
        emit DisputeResolved(p.id, p.state.seq(), Status.Resolved, 0, net, fee, toBuyer, credited);
    }

    /// @inheritdoc IEscrow
    function repay(Terms calldata terms, uint256 amount) external payable nonReentrant {
        bytes32 id = _idOf(terms);
        Payment memory p = _withParts(id, _states[id]);
        Status status = p.state.status();
        if (status == Status.None) revert NotFunded(id);
        if (msg.sender != terms.merchant) revert NotMerchant(msg.sender);
        if (status != Status.Released && status != Status.Resolved) revert WrongStatus(id, status);
        uint256 repayable = terms.amount - p.givenBack;
        uint256 part = amount == ALL ? repayable : amount;
        if (part == 0) revert AmountOutOfBounds(0);
        if (part > repayable) revert AmountExceedsRepayable(part, repayable);
        if (part == repayable) {
            _enter(p, Status.Repaid);
        } else {
            _addToParts(p, 0, part);
            _stay(p);
        }
        uint8 credited = _passOn(terms.token, p.state.buyer(), part, BUYER_CREDITED);
        emit PaymentRepaid(id, p.state.seq(), p.state.status(), 0, 0, 0, part, credited);
    }

    // ------------------------------------------------------------------------------------------------------------ steps

    function _release(Payment memory p, Terms calldata terms, uint256 part) private {
        (uint256 net, uint256 fee) = _netAndFee(p, terms.feeBps, part);
        _lower(p, part, 0, Status.Released);
        uint8 credited = _payMerchant(terms, net, fee);
        emit PaymentReleased(p.id, p.state.seq(), p.state.status(), p.held, net, fee, 0, credited);
    }

    // ----------------------------------------------------------------------------------------------------------- checks

    function _only(Status status, Payment memory p) private pure {
        if (p.state.status() != status) revert WrongStatus(p.id, p.state.status());
    }

    function _onlyMerchantOrOperator(Terms calldata terms) internal view {
        address merchant = terms.merchant;
        if (msg.sender == merchant) return;
        if (msg.sender != terms.operator) revert NotMerchantOrOperator(msg.sender);
        if (_dismissed[merchant][msg.sender]) revert OperatorIsDismissed(merchant, msg.sender);
    }

    /// @dev Anyone but the buyer may release everything, once the buyer has let the dispute window pass.
    function _onlyAllAfterWindow(Payment memory p, Terms calldata terms, uint256 amount) private view {
        if (p.state.status() != Status.Delivered) revert NotBuyer(msg.sender);
        uint256 from = p.state.since() + terms.disputeWindow;
        if (block.timestamp < from) revert ReleaseTooEarly(block.timestamp, from);
        if (amount != ALL && amount != p.held) revert NotBuyer(msg.sender);
    }

    /// @return the amount in base units that may be moved out of what is held
    function _part(Payment memory p, uint256 amount) private pure returns (uint256) {
        if (amount == ALL) return p.held;
        if (amount == 0) revert AmountOutOfBounds(amount);
        if (amount > p.held) revert AmountExceedsHeld(amount, p.held);
        if (amount != p.held && p.state.status() == Status.Disputed) revert OnlyWholeWhileDisputed(amount, p.held);
        return amount;
    }

    /// @dev Recovers first and asks the wallet then: an account may have both a key and code (EIP-7702).
    function _isSignedBy(address signer, bytes32 hash, bytes calldata signature) private view returns (bool) {
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(hash, signature);
        if (err == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, hash, signature);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IEscrow, Status, Terms} from "./IEscrow.sol";
import {Ledger} from "./Ledger.sol";
import {State} from "./StateLib.sol";

/// @title What becomes of the money: every way out for one payment.
/// @dev Every verb has one rhythm: checks, state, transfers, event. The event comes last because it tells whether a push
/// became a credit; the lock over every verb keeps the events in order.
abstract contract Settling is Ledger, ReentrancyGuardTransient, EIP712 {
    bytes32 private constant RECEIPT_TYPEHASH = keccak256("Receipt(bytes32 id,address buyer)");

    mapping(address merchant => mapping(address operator => bool)) internal _dismissed;

    /// @inheritdoc IEscrow
    function confirmDelivery(Terms calldata terms) external nonReentrant {
        (bytes32 id, State state, uint256 held) = _holding(terms);
        _onlyMerchantOrOperator(terms);
        _only(Status.Funded, id, state);
        uint256 until = state.since() + terms.deliveryPeriod;
        if (block.timestamp >= until) revert ConfirmTooLate(block.timestamp, until);
        state = _save(id, state.enter(Status.Delivered));
        emit DeliveryConfirmed(id, state.seq(), Status.Delivered, held);
        if (terms.disputeWindow == 0) _release(terms, id, state, held, held);
    }

    /// @inheritdoc IEscrow
    function release(Terms calldata terms, uint256 amount) external nonReentrant {
        (bytes32 id, State state, uint256 held) = _holding(terms);
        if (msg.sender != state.buyer()) _onlyAllAfterWindow(terms, state, held, amount);
        _release(terms, id, state, held, amount == held ? held : _part(state, held, amount));
    }

    /// @inheritdoc IEscrow
    function releaseWithReceipt(Terms calldata terms, bytes calldata signature) external nonReentrant {
        (bytes32 id, State state, uint256 held) = _holding(terms);
        address buyer = state.buyer();
        bytes32 receipt = _hashTypedDataV4(keccak256(abi.encode(RECEIPT_TYPEHASH, id, buyer)));
        if (!_isSignedBy(buyer, receipt, signature)) revert NotBuyersReceipt(id, buyer);
        _release(terms, id, state, held, held);
    }

    /// @inheritdoc IEscrow
    function refund(Terms calldata terms, uint256 amount) external nonReentrant {
        (bytes32 id, State state, uint256 held) = _holding(terms);
        _onlyMerchantOrOperator(terms);
        uint256 part = amount == held ? held : _part(state, held, amount);
        unchecked {
            held -= part; // see {_part}
        }
        state = held == 0 ? state.enter(Status.Refunded) : _split(id, state, 0, part).next();
        _save(id, state);
        uint256 credited = _pay(terms.token, state.buyer(), part, BUYER_CREDITED);
        _tellGivenBack(PaymentRefunded.selector, id, state, held, part, credited);
    }

    /// @inheritdoc IEscrow
    function reclaim(Terms calldata terms) external nonReentrant {
        (bytes32 id, State state, uint256 held) = _holding(terms);
        if (state.isIn(Status.Delivered)) revert WrongStatus(id, Status.Delivered);
        uint256 from = state.since() + (state.isIn(Status.Funded) ? terms.deliveryPeriod : terms.arbitrationPeriod);
        if (block.timestamp < from) revert ReclaimTooEarly(block.timestamp, from);
        state = _save(id, state.enter(Status.Reclaimed));
        uint256 credited = _pay(terms.token, state.buyer(), held, BUYER_CREDITED);
        _tellGivenBack(PaymentReclaimed.selector, id, state, 0, held, credited);
    }

    /// @inheritdoc IEscrow
    function dispute(Terms calldata terms) external nonReentrant {
        (bytes32 id, State state, uint256 held) = _holding(terms);
        if (msg.sender != state.buyer()) revert NotBuyer(msg.sender);
        _only(Status.Delivered, id, state);
        uint256 until = state.since() + terms.disputeWindow;
        if (block.timestamp >= until) revert DisputeTooLate(block.timestamp, until);
        state = _save(id, state.enter(Status.Disputed));
        emit PaymentDisputed(id, state.seq(), Status.Disputed, held);
    }

    /// @inheritdoc IEscrow
    function resolve(Terms calldata terms, uint256 toBuyer, uint256 toMerchant) external nonReentrant {
        (bytes32 id, State state, uint256 held) = _holding(terms);
        if (msg.sender != terms.arbiter) revert NotArbiter(msg.sender);
        _only(Status.Disputed, id, state);
        uint256 until = state.since() + terms.arbitrationPeriod;
        if (block.timestamp >= until) revert ResolveTooLate(block.timestamp, until);
        if (toBuyer > held || held - toBuyer != toMerchant) revert PartsNotHeld(toBuyer, toMerchant, held);
        uint256 fee = terms.feeBps == 0 ? 0 : _feeOn(id, state, terms.feeBps, toMerchant);
        uint256 net = toMerchant - fee;
        // `repay` has to know what the buyer has already.
        if (toBuyer != 0) state = _split(id, state, toMerchant, toBuyer);
        state = _save(id, state.enter(Status.Resolved));
        // Two statements: within one, the compiler chooses who is paid first.
        uint256 credited = _payMerchant(terms, net, fee);
        credited |= _pay(terms.token, state.buyer(), toBuyer, BUYER_CREDITED);
        emit DisputeResolved(id, state.seq(), Status.Resolved, 0, net, fee, toBuyer, uint8(credited));
    }

    /// @inheritdoc IEscrow
    function repay(Terms calldata terms, uint256 amount) external payable nonReentrant {
        bytes32 id = _idOf(terms);
        State state = _stateOf(id);
        if (!state.isIn(Status.Released) && !state.isIn(Status.Resolved)) _revertFor(id, state);
        if (msg.sender != terms.merchant) revert NotMerchant(msg.sender);
        uint256 repayable = state.isSplit() ? terms.amount - _parts[id].givenBack : terms.amount;
        uint256 part = amount == ALL ? repayable : amount;
        if (part == 0) revert AmountOutOfBounds(0);
        if (part > repayable) revert AmountExceedsRepayable(part, repayable);
        state = part == repayable ? state.enter(Status.Repaid) : _split(id, state, 0, part).next();
        _save(id, state);
        uint256 credited = _passOn(terms.token, state.buyer(), part, BUYER_CREDITED);
        _tellGivenBack(PaymentRepaid.selector, id, state, 0, part, credited);
    }

    // ------------------------------------------------------------------------------------------------------------ steps

    function _release(Terms calldata terms, bytes32 id, State state, uint256 held, uint256 part) private {
        uint256 fee = terms.feeBps == 0 ? 0 : _feeOn(id, state, terms.feeBps, part);
        uint256 net;
        unchecked {
            (net, held) = (part - fee, held - part); // a fee is at most 100%, and a part at most what is held
        }
        state = held == 0 ? state.enter(Status.Released) : _split(id, state, part, 0).next();
        _save(id, state);
        uint256 credited = _payMerchant(terms, net, fee);
        _tellReleased(id, state, held, net, fee, credited);
    }

    // ----------------------------------------------------------------------------------------------------------- checks

    function _onlyMerchantOrOperator(Terms calldata terms) internal view {
        if (msg.sender != terms.merchant) _onlyOperator(terms);
    }

    function _onlyOperator(Terms calldata terms) private view {
        if (msg.sender != terms.operator) revert NotMerchantOrOperator(msg.sender);
        if (_dismissed[terms.merchant][msg.sender]) revert OperatorIsDismissed(terms.merchant, msg.sender);
    }

    /// @dev Anyone but the buyer may release everything, once the buyer has let the dispute window pass.
    function _onlyAllAfterWindow(Terms calldata terms, State state, uint256 held, uint256 amount) private view {
        if (!state.isIn(Status.Delivered)) revert NotBuyer(msg.sender);
        uint256 from = state.since() + terms.disputeWindow;
        if (block.timestamp < from) revert ReleaseTooEarly(block.timestamp, from);
        if (amount != ALL && amount != held) revert NotBuyer(msg.sender);
    }

    /// @param amount other than `held` itself, which its callers know without asking
    /// @return the amount in base units that may be moved out of what is held
    function _part(State state, uint256 held, uint256 amount) private pure returns (uint256) {
        if (amount == ALL) return held;
        if (amount == 0) revert AmountOutOfBounds(amount);
        if (amount > held) revert AmountExceedsHeld(amount, held);
        if (state.isIn(Status.Disputed)) revert OnlyWholeWhileDisputed(amount, held);
        return amount;
    }

    /// @dev Recovers first and asks the wallet then: an account may have both a key and code (EIP-7702).
    function _isSignedBy(address signer, bytes32 hash, bytes calldata signature) private view returns (bool) {
        // What is left out is a detail of the error.
        // slither-disable-next-line unused-return
        (address recovered, ECDSA.RecoverError err,) = ECDSA.tryRecoverCalldata(hash, signature);
        if (err == ECDSA.RecoverError.NoError && recovered == signer) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(signer, hash, signature);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {EventQueue} from "./EventQueue.sol";
import {IEscrow, Item, Status, Terms} from "./IEscrow.sol";
import {Settling} from "./Settling.sol";
import {State} from "./StateLib.sol";
import {TermsLib} from "./TermsLib.sol";

/// @title The verbs of a merchant with many payments: one push to each payee, and no item that stops the others.
/// @dev First every item is written down or skipped, then the money moves, then the events tell it. A payment that stands in the
/// batch twice is no longer what it was when its second item comes, and so is skipped.
abstract contract Batches is Settling {
    using EventQueue for bytes;
    using TermsLib for Item;

    /// @dev Bytes of the data of {DeliveryConfirmed} and of {PaymentReleased}.
    uint256 private constant DELIVERED_SIZE = 0x60;
    uint256 private constant RELEASED_SIZE = 0xc0;

    /// @inheritdoc IEscrow
    function releaseMany(Terms calldata common, Item[] calldata items) external nonReentrant {
        _releaseMany(common, items, msg.sender);
    }

    /// @inheritdoc IEscrow
    function confirmDeliveryMany(Terms calldata common, Item[] calldata items) external nonReentrant {
        _onlyMerchantOrOperator(common);
        bytes memory confirmed = EventQueue.make(items.length);
        bytes memory preimage = _preimage(common);
        for (uint256 i = 0; i < items.length; ++i) {
            Item calldata item = items[i];
            bytes32 id = item.id(preimage);
            State state = _stateOf(id);
            bytes4 why = _whyNotConfirmable(state, common.deliveryPeriod);
            if (why != 0) {
                emit ItemSkipped(id, i, why);
            } else {
                state = _save(id, state.enter(Status.Delivered));
                confirmed.addDelivered(id, state, state.isSplit() ? _heldOf(id, item.amount) : item.amount);
            }
        }
        confirmed.emitAll(DeliveryConfirmed.selector, DELIVERED_SIZE);
        if (common.disputeWindow == 0) _releaseMany(common, items, address(0));
    }

    // ----------------------------------------------------------------------------------------------------------- checks

    /// @return whether {release} would release everything that is held
    function _isReleasable(State state, uint256 disputeWindow, address caller) private view returns (bool) {
        // 40 bits and 32 bits make 41 at most.
        unchecked {
            if (state.isIn(Status.Delivered) && block.timestamp >= state.since() + disputeWindow) return true;
        }
        return caller == state.buyer() && state.holds();
    }

    /// @return the error that {release} of everything would raise, where it would raise one
    function _whyNotReleasable(State state) private pure returns (bytes4) {
        if (state.isIn(Status.None)) return NotFunded.selector;
        if (!state.holds()) return WrongStatus.selector;
        return state.isIn(Status.Delivered) ? ReleaseTooEarly.selector : NotBuyer.selector;
    }

    /// @return the error that {confirmDelivery} would raise for its payment; zero: none
    function _whyNotConfirmable(State state, uint256 deliveryPeriod) private view returns (bytes4) {
        if (!state.isIn(Status.Funded)) return state.isIn(Status.None) ? NotFunded.selector : WrongStatus.selector;
        return block.timestamp >= state.since() + deliveryPeriod ? ConfirmTooLate.selector : bytes4(0);
    }

    // ------------------------------------------------------------------------------------------------------------ steps

    /// @param caller may release what he bought; zero: only what is delivered is to be released, and the rest was reported
    function _releaseMany(Terms calldata common, Item[] calldata items, address caller) private {
        bytes memory released = EventQueue.make(items.length);
        bytes memory preimage = _preimage(common);
        (uint256 window, uint256 bps) = (common.disputeWindow, common.feeBps);
        for (uint256 i = 0; i < items.length; ++i) {
            Item calldata item = items[i];
            bytes32 id = item.id(preimage);
            State state = _stateOf(id);
            if (_isReleasable(state, window, caller)) _releaseItem(released, id, state, item.amount, bps);
            else if (caller != address(0)) emit ItemSkipped(id, i, _whyNotReleasable(state));
        }
        (uint256 net, uint256 fee) = released.totals();
        uint256 credited = _payMerchant(common, net, fee);
        if (credited != 0) released.setCredited(credited & MERCHANT_CREDITED, credited & FEE_CREDITED);
        released.emitAll(PaymentReleased.selector, RELEASED_SIZE);
    }

    function _releaseItem(bytes memory released, bytes32 id, State state, uint256 amount, uint256 bps) private {
        uint256 held = state.isSplit() ? _heldOf(id, amount) : amount;
        uint256 fee = bps == 0 ? 0 : _feeOn(id, state, bps, held);
        unchecked {
            released.addReleased(id, _save(id, state.enter(Status.Released)), held - fee, fee);
        }
    }
}

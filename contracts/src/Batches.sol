// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Item, Status, Terms} from "./IEscrow.sol";
import {Settling} from "./Settling.sol";
import {State} from "./StateLib.sol";

/// @title The verbs of a merchant with many payments: one push to each payee, and no item that stops the others.
/// @dev First every item is written down or skipped, then the money moves, then the events tell it. A payment that stands in the
/// batch twice is no longer what it was when its second item comes, and so is skipped.
abstract contract Batches is Settling {
    /// @dev What the event of a payment that was released in a batch will say; no id: the item was skipped.
    struct Released {
        bytes32 id;
        uint48 seq;
        uint256 net;
        uint256 fee;
    }

    /// @inheritdoc IEscrow
    function releaseMany(Terms calldata common, Item[] calldata items) external nonReentrant {
        Released[] memory released = new Released[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            bytes32 id = _idOf(common, items[i]);
            State state = _states[id];
            bytes4 why = _whyNotReleasable(state, common);
            if (why == 0) released[i] = _takeAll(_held(id, state, items[i].amount), common);
            else emit ItemSkipped(id, i, why);
        }
        _payAndTell(released, common);
    }

    /// @inheritdoc IEscrow
    function confirmDeliveryMany(Terms calldata common, Item[] calldata items) external nonReentrant {
        _onlyMerchantOrOperator(common);
        Payment[] memory confirmed = new Payment[](items.length);
        for (uint256 i = 0; i < items.length; ++i) {
            bytes32 id = _idOf(common, items[i]);
            State state = _states[id];
            bytes4 why = _whyNotConfirmable(state, common);
            if (why == 0) _enter(confirmed[i] = _held(id, state, items[i].amount), Status.Delivered);
            else emit ItemSkipped(id, i, why);
        }
        _tellConfirmed(confirmed);
        if (common.disputeWindow == 0) _releaseConfirmed(confirmed, common);
    }

    // ----------------------------------------------------------------------------------------------------------- checks

    /// @return the error that {release} of everything would raise; zero: none
    function _whyNotReleasable(State state, Terms calldata common) private view returns (bytes4) {
        Status status = state.status();
        if (status == Status.None) return NotFunded.selector;
        if (!_holds(status)) return WrongStatus.selector;
        if (msg.sender == state.buyer()) return 0;
        if (status != Status.Delivered) return NotBuyer.selector;
        return block.timestamp < state.since() + common.disputeWindow ? ReleaseTooEarly.selector : bytes4(0);
    }

    /// @return the error that {confirmDelivery} would raise for its payment; zero: none
    function _whyNotConfirmable(State state, Terms calldata common) private view returns (bytes4) {
        Status status = state.status();
        if (status == Status.None) return NotFunded.selector;
        if (status != Status.Funded) return WrongStatus.selector;
        return block.timestamp >= state.since() + common.deliveryPeriod ? ConfirmTooLate.selector : bytes4(0);
    }

    // ------------------------------------------------------------------------------------------------------------ steps

    function _takeAll(Payment memory p, Terms calldata common) private returns (Released memory) {
        (uint256 net, uint256 fee) = _netAndFee(p, common.feeBps, p.held);
        _enter(p, Status.Released);
        return Released(p.id, p.state.seq(), net, fee);
    }

    function _payAndTell(Released[] memory released, Terms calldata common) private {
        (uint256 net, uint256 fee) = (0, 0);
        for (uint256 i = 0; i < released.length; ++i) {
            net += released[i].net;
            fee += released[i].fee;
        }
        uint8 credited = _payMerchant(common, net, fee);
        for (uint256 i = 0; i < released.length; ++i) {
            Released memory r = released[i];
            if (r.id != 0) emit PaymentReleased(r.id, r.seq, Status.Released, 0, r.net, r.fee, 0, _ofThis(credited, r));
        }
    }

    function _tellConfirmed(Payment[] memory confirmed) private {
        for (uint256 i = 0; i < confirmed.length; ++i) {
            Payment memory p = confirmed[i];
            if (p.id != 0) emit DeliveryConfirmed(p.id, p.state.seq(), Status.Delivered, p.held, 0, 0, 0, 0);
        }
    }

    function _releaseConfirmed(Payment[] memory confirmed, Terms calldata common) private {
        Released[] memory released = new Released[](confirmed.length);
        for (uint256 i = 0; i < confirmed.length; ++i) {
            if (confirmed[i].id != 0) released[i] = _takeAll(confirmed[i], common);
        }
        _payAndTell(released, common);
    }

    /// @return of the flags of the pushes that failed, those that concern this payment: it may be too small for a fee
    function _ofThis(uint8 credited, Released memory r) private pure returns (uint8) {
        if (r.net == 0) credited &= ~MERCHANT_CREDITED;
        if (r.fee == 0) credited &= ~FEE_CREDITED;
        return credited;
    }
}

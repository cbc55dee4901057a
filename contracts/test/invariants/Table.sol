// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status} from "../../src/IEscrow.sol";
import {Verb} from "./Books.sol";
import {Drafts} from "./Drafts.sol";

/// @notice How a payment's logs may follow one another, and who may make them when: the table of `vocabulary.md`.
abstract contract Table is Drafts {
    mapping(bytes32 event_ => mapping(Status from => uint256 tos)) private leads;
    /// @dev What comes first in the log of a call that confirms delivery and releases at once.
    bool internal confirmedInThisCall;

    constructor() {
        _row(IEscrow.PaymentFunded.selector, Status.None, Status.Funded);

        _row(IEscrow.DeliveryConfirmed.selector, Status.Funded, Status.Delivered);

        _row(IEscrow.PaymentReleased.selector, Status.Funded, Status.Funded);
        _row(IEscrow.PaymentReleased.selector, Status.Funded, Status.Released);
        _row(IEscrow.PaymentReleased.selector, Status.Delivered, Status.Delivered);
        _row(IEscrow.PaymentReleased.selector, Status.Delivered, Status.Released);
        _row(IEscrow.PaymentReleased.selector, Status.Disputed, Status.Released);

        _row(IEscrow.PaymentRefunded.selector, Status.Funded, Status.Funded);
        _row(IEscrow.PaymentRefunded.selector, Status.Funded, Status.Refunded);
        _row(IEscrow.PaymentRefunded.selector, Status.Delivered, Status.Delivered);
        _row(IEscrow.PaymentRefunded.selector, Status.Delivered, Status.Refunded);
        _row(IEscrow.PaymentRefunded.selector, Status.Disputed, Status.Refunded);

        _row(IEscrow.PaymentReclaimed.selector, Status.Funded, Status.Reclaimed);
        _row(IEscrow.PaymentReclaimed.selector, Status.Disputed, Status.Reclaimed);

        _row(IEscrow.PaymentDisputed.selector, Status.Delivered, Status.Disputed);

        _row(IEscrow.DisputeResolved.selector, Status.Disputed, Status.Resolved);

        _row(IEscrow.PaymentRepaid.selector, Status.Released, Status.Released);
        _row(IEscrow.PaymentRepaid.selector, Status.Released, Status.Repaid);
        _row(IEscrow.PaymentRepaid.selector, Status.Resolved, Status.Resolved);
        _row(IEscrow.PaymentRepaid.selector, Status.Resolved, Status.Repaid);
    }

    function _row(bytes32 event_, Status from, Status to) private {
        leads[event_][from] |= _bit(to);
    }

    function _leads(bytes32 event_, Status from, Status to) internal view returns (bool) {
        return leads[event_][from] & _bit(to) != 0;
    }

    function _isPaymentEvent(bytes32 event_) internal view returns (bool) {
        for (uint8 from = 0; from <= uint8(Status.Repaid); ++from) {
            if (leads[event_][Status(from)] != 0) return true;
        }
        return false;
    }

    /// @param whole the event took the last unit
    function _mayNow(bytes32 event_, Book storage book, Verb verb, address caller, bool whole)
        internal
        view
        returns (bool)
    {
        uint256 since = book.since;
        if (event_ == IEscrow.PaymentFunded.selector) return clock < book.terms.payBy;
        if (event_ == IEscrow.DeliveryConfirmed.selector) {
            return _actsForMerchant(book, caller) && clock < since + book.terms.deliveryPeriod;
        }
        if (event_ == IEscrow.PaymentRefunded.selector) return _actsForMerchant(book, caller);
        if (event_ == IEscrow.PaymentDisputed.selector) {
            return caller == book.buyer && clock < since + book.terms.disputeWindow;
        }
        if (event_ == IEscrow.DisputeResolved.selector) {
            return caller == book.terms.arbiter && clock < since + book.terms.arbitrationPeriod;
        }
        if (event_ == IEscrow.PaymentRepaid.selector) return caller == book.terms.merchant;
        if (event_ == IEscrow.PaymentReclaimed.selector) {
            bool funded = book.status == Status.Funded;
            return clock >= since + (funded ? book.terms.deliveryPeriod : book.terms.arbitrationPeriod);
        }
        return _mayRelease(book, verb, caller, whole);
    }

    function _mayRelease(Book storage book, Verb verb, address caller, bool whole) private view returns (bool) {
        if (verb == Verb.ReleaseWithReceipt) return whole; // whose receipt it was: see Binding
        if (verb == Verb.ConfirmDelivery || verb == Verb.ConfirmDeliveryMany) {
            return whole && book.terms.disputeWindow == 0 && confirmedInThisCall;
        }
        if (caller == book.buyer) return true;
        return whole && book.status == Status.Delivered && clock >= book.since + book.terms.disputeWindow;
    }

    function _actsForMerchant(Book storage book, address caller) private view returns (bool) {
        if (caller == book.terms.merchant) return true;
        return caller == book.terms.operator && !dismissed[book.terms.merchant][caller];
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Terms} from "../../src/IEscrow.sol";
import {EscrowTest} from "./EscrowTest.sol";

/// @notice Terms that break one bound each, for the verbs that have to notice.
abstract contract TermsTest is EscrowTest {
    struct BrokenTerms {
        Terms terms;
        bytes reason;
    }

    BrokenTerms[] private broken;

    /// @dev Good token terms with a named buyer, but for one thing.
    function brokenTerms() internal returns (BrokenTerms[] memory) {
        delete broken;
        _breakAmount();
        _breakParties();
        _breakPeriods();
        _breakFee();
        return broken;
    }

    function _add(Terms memory terms, bytes memory reason) private {
        terms.orderHash = bytes32(broken.length);
        broken.push(BrokenTerms(terms, reason));
    }

    function _breakAmount() private {
        Terms memory terms = tokenTerms();
        terms.amount = 0;
        _add(terms, abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 0));
        terms.amount = 1 << 128;
        _add(terms, abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 1 << 128));
    }

    function _breakParties() private {
        Terms memory terms = tokenTerms();
        terms.merchant = address(0);
        _add(terms, abi.encodeWithSelector(IEscrow.MerchantIsZero.selector));
        terms.merchant = buyer;
        _add(terms, abi.encodeWithSelector(IEscrow.BuyerIsMerchant.selector, buyer));
        terms.merchant = address(escrow);
        _add(terms, abi.encodeWithSelector(IEscrow.PayeeIsEscrow.selector));
        (terms.merchant, terms.feeRecipient) = (merchant, address(escrow));
        _add(terms, abi.encodeWithSelector(IEscrow.PayeeIsEscrow.selector));
        terms.feeRecipient = feeRecipient;
        address[3] memory parties = [buyer, merchant, operator];
        for (uint256 i = 0; i < parties.length; ++i) {
            terms.arbiter = parties[i];
            _add(terms, abi.encodeWithSelector(IEscrow.ArbiterIsParty.selector, parties[i]));
        }
    }

    function _breakPeriods() private {
        Terms memory terms = tokenTerms();
        uint32[2] memory deliveries = [uint32(0), 400 days + 1];
        uint32[2] memory windows = [uint32(1 hours - 1), 400 days + 1];
        uint32[2] memory arbitrations = [uint32(1 days - 1), 400 days + 1];
        for (uint256 i = 0; i < 2; ++i) {
            terms.deliveryPeriod = deliveries[i];
            _add(terms, abi.encodeWithSelector(IEscrow.DeliveryPeriodOutOfBounds.selector, deliveries[i]));
            (terms.deliveryPeriod, terms.disputeWindow) = (DELIVERY_PERIOD, windows[i]);
            _add(terms, abi.encodeWithSelector(IEscrow.DisputeWindowOutOfBounds.selector, windows[i]));
            (terms.disputeWindow, terms.arbitrationPeriod) = (DISPUTE_WINDOW, arbitrations[i]);
            _add(terms, abi.encodeWithSelector(IEscrow.ArbitrationPeriodOutOfBounds.selector, arbitrations[i]));
            terms.arbitrationPeriod = ARBITRATION_PERIOD;
        }
        terms.disputeWindow = 0;
        _add(
            terms,
            abi.encodeWithSelector(IEscrow.DisputeTermsIncomplete.selector, 0, arbiter, uint256(ARBITRATION_PERIOD))
        );
    }

    function _breakFee() private {
        Terms memory terms = tokenTerms();
        terms.feeBps = 10_001;
        _add(terms, abi.encodeWithSelector(IEscrow.FeeBpsOutOfBounds.selector, 10_001));
        terms.feeBps = 0;
        _add(terms, abi.encodeWithSelector(IEscrow.FeeTermsIncomplete.selector, feeRecipient, 0));
    }
}

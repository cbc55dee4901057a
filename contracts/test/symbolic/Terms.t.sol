// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../src/IEscrow.sol";
import {TermsLib} from "../../src/TermsLib.sol";

/// @notice Asked by a call, so that a refusal is an answer.
contract Checker {
    function check(Terms calldata terms, address buyer) external view {
        TermsLib.check(terms, buyer);
    }
}

/// @notice For all terms that there can be: those that pass keep every bound, and those that keep every bound pass.
contract TermsProof {
    Checker private _checker;

    function setUp() public {
        _checker = new Checker();
    }

    function check_terms_pass_exactly_when_they_keep_every_bound(Terms calldata terms, address buyer) external view {
        (bool passed,) = address(_checker).staticcall(abi.encodeCall(Checker.check, (terms, buyer)));
        assert(passed == (_parties(terms, buyer) && _numbers(terms) && _dispute(terms)));
    }

    function _parties(Terms calldata terms, address buyer) private view returns (bool) {
        bool buyerFits =
            buyer != address(0) && buyer != terms.merchant && (terms.buyer == address(0) || terms.buyer == buyer);
        address self = address(_checker);
        bool noEscrow = buyer != self && terms.merchant != self && terms.feeRecipient != self;
        bool arbiterApart = terms.arbiter == address(0)
            || (terms.arbiter != buyer && terms.arbiter != terms.merchant && terms.arbiter != terms.operator);
        return terms.merchant != address(0) && buyerFits && noEscrow && arbiterApart;
    }

    function _numbers(Terms calldata terms) private pure returns (bool) {
        bool amountFits = 0 < terms.amount && terms.amount < 1 << 128;
        bool deliveryFits = 1 <= terms.deliveryPeriod && terms.deliveryPeriod <= 400 days;
        bool feeFits = (terms.feeBps == 0) == (terms.feeRecipient == address(0)) && terms.feeBps <= 10_000;
        return amountFits && deliveryFits && feeFits;
    }

    function _dispute(Terms calldata terms) private pure returns (bool) {
        (uint256 window, uint256 arbitration) = (terms.disputeWindow, terms.arbitrationPeriod);
        if (window == 0 && arbitration == 0 && terms.arbiter == address(0)) return true;
        return terms.arbiter != address(0) && 1 hours <= window && window <= 400 days && 1 days <= arbitration
            && arbitration <= 400 days;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Item, Terms} from "./IEscrow.sol";

/// @title What terms are allowed to say, and what their payment is called.
library TermsLib {
    bytes32 internal constant TERMS_TYPEHASH = keccak256(
        "Terms(address buyer,address merchant,address operator,address arbiter,address token,uint256 amount,address feeRecipient,uint16 feeBps,uint40 payBy,uint32 deliveryPeriod,uint32 disputeWindow,uint32 arbitrationPeriod,bytes32 orderHash)"
    );

    /// @dev All terms are 13 words without a tail, so their ABI encoding is their calldata.
    uint256 private constant WORDS = 13;

    /// @dev Long enough for a made-to-order good; short enough that forgotten money comes back to a living buyer.
    uint256 internal constant MAX_PERIOD = 400 days;
    /// @dev A buyer needs the time to open the parcel and to get a tx mined.
    uint256 internal constant MIN_DISPUTE_WINDOW = 1 hours;
    /// @dev An arbiter is a person who sleeps.
    uint256 internal constant MIN_ARBITRATION_PERIOD = 1 days;
    uint256 internal constant MAX_FEE_BPS = 10_000;

    /// @dev `keccak256(abi.encode(TERMS_TYPEHASH, deploymentChainId, escrow, terms))`, without the detour through a struct in
    /// memory. Words with dirty upper bits give an id that can't be funded: see {check}.
    function id(Terms calldata terms, uint256 deploymentChainId, address escrow) internal pure returns (bytes32 hash) {
        bytes32 typeHash = TERMS_TYPEHASH;
        assembly ("memory-safe") {
            let start := mload(0x40) // beyond the free memory pointer, where nothing is kept
            mstore(start, typeHash)
            mstore(add(start, 0x20), deploymentChainId)
            mstore(add(start, 0x40), escrow)
            calldatacopy(add(start, 0x60), terms, mul(WORDS, 0x20))
            hash := keccak256(start, mul(add(WORDS, 3), 0x20))
        }
    }

    /// @dev What the ids of a batch are hashed from: the words of {id}, where an item's own are to be filled in. Copying and
    /// checking all terms for each item would cost half as much again as the rest of it.
    function preimage(Terms calldata common, uint256 deploymentChainId, address escrow)
        internal
        pure
        returns (bytes memory words)
    {
        words = new bytes((WORDS + 3) * 0x20);
        bytes32 typeHash = TERMS_TYPEHASH;
        assembly ("memory-safe") {
            mstore(add(words, 0x20), typeHash)
            mstore(add(words, 0x40), deploymentChainId)
            mstore(add(words, 0x60), escrow)
            calldatacopy(add(words, 0x80), common, mul(WORDS, 0x20))
        }
    }

    /// @dev The id of the terms that an item makes with what its batch has in common; the item's four words stay in `words`.
    function id(Item calldata item, bytes memory words) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let terms := add(words, 0x80)
            mstore(terms, calldataload(item)) // buyer
            mstore(add(terms, 0xa0), calldataload(add(item, 0x20))) // amount
            mstore(add(terms, 0x100), calldataload(add(item, 0x40))) // payBy
            mstore(add(terms, 0x180), calldataload(add(item, 0x60))) // orderHash
            hash := keccak256(add(words, 0x20), mul(add(WORDS, 3), 0x20))
        }
    }

    /// @dev Reverts unless the terms keep every bound with this buyer, as the errors of terms name them. It reads each field whose
    /// upper bits could be dirty, and so refuses dirty ones; `payBy` and `token`, which it leaves out, are read by the verbs of
    /// funding.
    function check(Terms calldata terms, address buyer) internal view {
        _checkAmount(terms.amount);
        _checkParties(terms, buyer);
        _checkPeriods(terms);
        _checkFee(terms);
    }

    function _checkAmount(uint256 amount) private pure {
        if (amount == 0 || amount > type(uint128).max) revert IEscrow.AmountOutOfBounds(amount);
    }

    function _checkParties(Terms calldata terms, address buyer) private view {
        (address named, address merchant, address arbiter) = (terms.buyer, terms.merchant, terms.arbiter);
        address operator = terms.operator; // read without an arbiter, too, so that dirty bits are refused
        if (merchant == address(0)) revert IEscrow.MerchantIsZero();
        if (buyer == address(0)) revert IEscrow.BuyerIsZero();
        if (named != address(0) && named != buyer) revert IEscrow.BuyerNotNamed(buyer, named);
        if (buyer == merchant) revert IEscrow.BuyerIsMerchant(buyer);
        if (buyer == address(this) || merchant == address(this) || terms.feeRecipient == address(this)) {
            revert IEscrow.PayeeIsEscrow();
        }
        if (arbiter != address(0) && (arbiter == buyer || arbiter == merchant || arbiter == operator)) {
            revert IEscrow.ArbiterIsParty(arbiter);
        }
    }

    function _checkPeriods(Terms calldata terms) private pure {
        (uint256 delivery, uint256 window) = (terms.deliveryPeriod, terms.disputeWindow);
        (address arbiter, uint256 arbitration) = (terms.arbiter, terms.arbitrationPeriod);
        if (delivery == 0 || delivery > MAX_PERIOD) revert IEscrow.DeliveryPeriodOutOfBounds(delivery);
        if ((window == 0) != (arbiter == address(0)) || (window == 0) != (arbitration == 0)) {
            revert IEscrow.DisputeTermsIncomplete(window, arbiter, arbitration);
        }
        if (window == 0) return;
        if (window < MIN_DISPUTE_WINDOW || window > MAX_PERIOD) revert IEscrow.DisputeWindowOutOfBounds(window);
        if (arbitration < MIN_ARBITRATION_PERIOD || arbitration > MAX_PERIOD) {
            revert IEscrow.ArbitrationPeriodOutOfBounds(arbitration);
        }
    }

    function _checkFee(Terms calldata terms) private pure {
        (address feeRecipient, uint256 feeBps) = (terms.feeRecipient, terms.feeBps);
        if ((feeRecipient == address(0)) != (feeBps == 0)) revert IEscrow.FeeTermsIncomplete(feeRecipient, feeBps);
        if (feeBps > MAX_FEE_BPS) revert IEscrow.FeeBpsOutOfBounds(feeBps);
    }
}

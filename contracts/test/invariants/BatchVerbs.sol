// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Item, Status, Terms} from "../../src/IEscrow.sol";
import {Verb} from "./Books.sol";
import {SettlingVerbs} from "./SettlingVerbs.sol";

/// @notice Batches over all payments that have enough in common, whatever their status; with doubles and unknown ones.
abstract contract BatchVerbs is SettlingVerbs {
    function releaseMany(uint256 seed) external step(seed) {
        bytes32 id = _pick(_bit(Status.Delivered));
        Terms memory terms = books[id].terms;
        (Item[] memory items, bytes32[] memory ids) = _batch(terms);
        Action memory action = _action(Verb.ReleaseMany, id);
        action.targets = ids;
        bool late = _oneIn(2);
        action.caller = late ? _any(actors) : _mostly(books[id].buyer);
        if (late && _is(id, Status.Delivered)) _nearly(_since(id) + terms.disputeWindow);
        action.data = abi.encodeCall(escrow.releaseMany, (terms, items));
        _act(action);
    }

    function confirmDeliveryMany(uint256 seed) external step(seed) {
        bytes32 id = _pick(_bit(Status.Funded));
        Terms memory terms = books[id].terms;
        (Item[] memory items, bytes32[] memory ids) = _batch(terms);
        Action memory action = _action(Verb.ConfirmDeliveryMany, id);
        action.targets = ids;
        action.caller = _mostly(_oneIn(3) ? terms.operator : terms.merchant);
        action.data = abi.encodeCall(escrow.confirmDeliveryMany, (terms, items));
        _act(action);
    }

    function _batch(Terms memory terms) private returns (Item[] memory items, bytes32[] memory ids) {
        (uint256 found, bytes32 wanted) = (0, _common(terms));
        ids = new bytes32[](slots.length + 1);
        for (uint256 i = 0; i < slots.length; ++i) {
            if (_common(books[slots[i]].terms) == wanted) ids[found++] = slots[i];
        }
        // Terms of the archive may have no sibling left.
        if (found == 0 || _oneIn(4)) ids[found++] = found == 0 ? _idOf(terms, address(escrow)) : ids[0];
        assembly ("memory-safe") {
            mstore(ids, found)
        }
        items = new Item[](found);
        for (uint256 i = 0; i < found; ++i) {
            Terms memory each = books[ids[i]].terms;
            items[i] = Item(each.buyer, each.amount, each.payBy, each.orderHash);
            if (_oneIn(16)) items[i].orderHash = bytes32(_roll(ALL)); // an id that nobody knows
        }
    }

    function _common(Terms memory terms) private pure returns (bytes32) {
        Terms memory common = abi.decode(abi.encode(terms), (Terms));
        (common.buyer, common.amount, common.payBy, common.orderHash) = (address(0), 0, 0, 0);
        return keccak256(abi.encode(common));
    }
}

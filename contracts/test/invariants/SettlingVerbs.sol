// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status, Terms} from "../../src/IEscrow.sol";
import {Verb} from "./Books.sol";
import {SigningVerbs} from "./SigningVerbs.sol";

/// @notice The ways out for one payment.
abstract contract SettlingVerbs is SigningVerbs {
    uint256 private constant HOLDING =
        1 << uint8(Status.Funded) | 1 << uint8(Status.Delivered) | 1 << uint8(Status.Disputed);

    function confirmDelivery(uint256 seed) external step(seed) {
        _confirm(_pick(_bit(Status.Funded)));
    }

    function _confirm(bytes32 id) private {
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.ConfirmDelivery, id);
        action.caller = _mostly(_oneIn(3) ? terms.operator : terms.merchant);
        if (_oneIn(12)) _nearly(_since(id) + terms.deliveryPeriod);
        action.data = abi.encodeCall(escrow.confirmDelivery, (terms));
        _act(action);
    }

    function release(uint256 seed) external step(seed) {
        bytes32 id = _pick(_oneIn(3) ? _bit(Status.Delivered) : HOLDING);
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.Release, id);
        bool late = _is(id, Status.Delivered) && _oneIn(3);
        action.caller = late ? _any(actors) : _mostly(books[id].buyer);
        if (late) _nearly(_since(id) + terms.disputeWindow);
        action.data = abi.encodeCall(escrow.release, (terms, _part(_heldBy(books[id]))));
        _act(action);
    }

    function refund(uint256 seed) external step(seed) {
        bytes32 id = _pick(HOLDING);
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.Refund, id);
        action.caller = _mostly(_oneIn(3) ? terms.operator : terms.merchant);
        action.data = abi.encodeCall(escrow.refund, (terms, _part(_heldBy(books[id]))));
        _act(action);
    }

    function reclaim(uint256 seed) external step(seed) {
        bytes32 id = _pick(_bit(_oneIn(2) ? Status.Funded : Status.Disputed));
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.Reclaim, id);
        action.caller = _any(actors);
        if (_oneIn(3)) _nearly(_since(id) + (_is(id, Status.Funded) ? terms.deliveryPeriod : terms.arbitrationPeriod));
        action.data = abi.encodeCall(escrow.reclaim, (terms));
        _act(action);
    }

    /// @dev Where nothing is delivered, something is first.
    function dispute(uint256 seed) external step(seed) {
        bytes32 id = _pick(_bit(Status.Delivered));
        if (_is(id, Status.Funded)) _confirm(id);
        _dispute(id);
    }

    function _dispute(bytes32 id) private {
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.Dispute, id);
        action.caller = _mostly(books[id].buyer);
        if (_oneIn(12)) _nearly(_since(id) + terms.disputeWindow);
        action.data = abi.encodeCall(escrow.dispute, (terms));
        _act(action);
    }

    /// @dev Where nothing is disputed, something is first.
    function resolve(uint256 seed) external step(seed) {
        bytes32 id = _pick(_bit(Status.Disputed));
        if (_is(id, Status.Funded)) _confirm(id);
        if (_is(id, Status.Delivered)) _dispute(id);
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.Resolve, id);
        action.caller = _mostly(terms.arbiter);
        if (_oneIn(12)) _nearly(_since(id) + terms.arbitrationPeriod);
        uint256 held = _heldBy(books[id]);
        uint256 toBuyer = [0, held, _roll(held + 1), _roll(held + 1)][_roll(4)];
        uint256 toMerchant = _oneIn(12) ? held - toBuyer + 1 : held - toBuyer;
        action.data = abi.encodeCall(escrow.resolve, (terms, toBuyer, toMerchant));
        _act(action);
    }

    function repay(uint256 seed) external step(seed) {
        bytes32 id = _pick(_bit(Status.Released) | _bit(Status.Resolved));
        Book storage book = books[id];
        Action memory action = _action(Verb.Repay, id);
        action.caller = _mostly(book.terms.merchant);
        uint256 left = book.net + book.fee - book.repaid;
        uint256 part = _part(left);
        if (action.token == address(0)) action.value = part == ALL ? left : part;
        if (_oneIn(24)) ++action.value;
        action.data = abi.encodeCall(escrow.repay, (book.terms, part));
        _act(action);
    }
}

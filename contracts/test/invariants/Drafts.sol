// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status, Terms} from "../../src/IEscrow.sol";
import {Books, Feat} from "./Books.sol";

/// @notice New payments: any parties, any token, amounts and periods at and between their bounds; sometimes beyond them.
abstract contract Drafts is Books {
    uint256 private constant ENDED =
        1 << uint8(Status.Refunded) | 1 << uint8(Status.Reclaimed) | 1 << uint8(Status.Repaid);
    uint256 private constant MAY_BE_REPAID = 1 << uint8(Status.Released) | 1 << uint8(Status.Resolved);

    /// @return a new payment, or an old one where no old one makes room, or just to try it
    function _toFund(address token_) internal returns (bytes32) {
        if (_oneIn(12)) return _pickAny();
        (bool room, uint256 slot) = _room();
        if (!room) return _pickAny();
        Terms memory terms = _oneIn(2) || archive.length + slot == 0 ? _unlike(token_) : _sibling(_pickAny());
        if (_oneIn(24)) _spoil(terms);
        bytes32 id = _idOf(terms, address(escrow));
        books[id].drafted = true;
        books[id].terms = terms;
        slots[slot] = id;
        return id;
    }

    function _token() internal returns (address) {
        if (_oneIn(8)) return address(hooked);
        return _oneIn(4) ? address(0) : tokens[_roll(tokens.length)];
    }

    /// @dev A slot that is new, or whose payment has come to its end (for what could still be repaid, sometimes).
    function _room() private returns (bool, uint256) {
        if (slots.length < SLOTS) {
            slots.push();
            return (true, slots.length - 1);
        }
        uint256 start = _roll(SLOTS);
        uint256 wanted = ENDED | _bit(Status.None) | (_oneIn(2) ? MAY_BE_REPAID : 0);
        for (uint256 i = 0; i < SLOTS; ++i) {
            uint256 slot = (start + i) % SLOTS;
            if (wanted & _bit(books[slots[slot]].status) == 0) continue;
            archive.push(slots[slot]);
            ++feats[uint8(Feat.Departed)];
            return (true, slot);
        }
        return (false, 0);
    }

    function _unlike(address token_) private returns (Terms memory terms) {
        terms.merchant = _oneIn(4) ? _any(oddOnes) : _oneIn(4) ? _any(actors) : people[3 + _roll(3)];
        terms.token = _oneIn(64) ? NO_TOKEN : token_;
        terms.operator = _oneIn(4) ? address(0) : people[5 + _roll(3)];
        if (!_oneIn(3)) (terms.feeRecipient, terms.feeBps) = (_any(_oneIn(2) ? oddOnes : actors), _feeBps());
        terms.deliveryPeriod = [uint32(1), 1 hours, 7 days, 30 days, 400 days, 400 days][_roll(6)];
        if (!_oneIn(4)) {
            terms.arbiter = people[8 + _roll(2)];
            terms.disputeWindow = [uint32(1 hours), 3 days, 30 days, 400 days][_roll(4)];
            terms.arbitrationPeriod = [uint32(1 days), 14 days, 400 days][_roll(3)];
        }
        _individual(terms);
    }

    /// @dev What it has in common with another makes them fit into one batch.
    function _sibling(bytes32 other) private returns (Terms memory terms) {
        terms = books[other].terms;
        _individual(terms);
    }

    function _individual(Terms memory terms) private {
        terms.buyer = _oneIn(4) ? address(0) : _buyer();
        terms.amount = _amount(terms.token);
        terms.payBy = uint40(clock + [uint256(1), 1 hours, 30 days, 800 days][_roll(4)]);
        terms.orderHash = keccak256(abi.encode("order", random));
    }

    function _buyer() internal returns (address) {
        if (_oneIn(6)) return address(safe);
        return _oneIn(4) ? _any(actors) : people[_roll(3)];
    }

    function _feeBps() private returns (uint16) {
        return [uint16(1), 250, 3_333, 9_999, 10_000][_roll(5)];
    }

    function _amount(address token_) private returns (uint256) {
        if (token_ == address(small)) return 1 + _roll(20);
        uint256 kind = _roll(8);
        if (kind == 0) return 1 + _roll(3);
        if (kind == 1) return type(uint128).max - _roll(3);
        if (kind == 2) return 10_000 * (1 + _roll(1e12));
        return 1 + _roll(1e9);
    }

    /// @dev Breaks one bound.
    function _spoil(Terms memory terms) private {
        uint256 bound_ = _roll(12);
        if (bound_ == 0) terms.amount = 0;
        else if (bound_ == 1) terms.amount = 1 << 128;
        else if (bound_ == 2) terms.merchant = address(0);
        else if (bound_ == 3) terms.buyer = terms.merchant;
        else if (bound_ == 4) terms.arbiter = terms.merchant;
        else if (bound_ == 5) terms.merchant = address(escrow);
        else if (bound_ == 6) terms.deliveryPeriod = 400 days + 1;
        else if (bound_ == 7) terms.disputeWindow = 1 hours - 1;
        else if (bound_ == 8) terms.arbitrationPeriod = 400 days + 1;
        else if (bound_ == 9) (terms.feeRecipient, terms.feeBps) = (people[0], 10_001);
        else if (bound_ == 10) terms.feeRecipient = address(escrow);
        else terms.payBy = uint40(clock);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status, Terms} from "../../src/IEscrow.sol";
import {Feat, Property, Verb} from "./Books.sol";
import {Judge} from "./Judge.sol";

/// @notice Calls the escrow: by whom, with how much gas, and with whom calling back meanwhile.
abstract contract Acting is Judge {
    /// @dev What a tx of the sort may sensibly carry; receivers that burn everything must come to an end.
    uint256 private constant PLENTY = 2_500_000;

    /// @dev Each call of the handler is one step of a world that is not broken yet.
    modifier step(uint256 seed) {
        if (isBroken()) return;
        _begin(seed);
        _;
    }

    function _begin(uint256 seed) internal {
        random = uint256(keccak256(abi.encode(seed, ++steps)));
        vm.warp(clock);
    }

    function _act(Action memory action) internal returns (bool succeeded) {
        return _actWith(action, _gas());
    }

    function _actWithPlenty(Action memory action) internal returns (bool succeeded) {
        return _actWith(action, PLENTY);
    }

    function _actWith(Action memory action, uint256 gas_) private returns (bool succeeded) {
        ++tries[uint8(action.verb)];
        if (action.forged) _count(Feat.Forgery);
        for (uint256 i = 0; i < action.targets.length; ++i) {
            targeted[action.targets[i]] = steps;
        }
        bool armed = _arm(action);
        Before memory before = _before(action);
        vm.recordLogs();
        vm.prank(action.caller);
        (succeeded,) = address(escrow).call{value: action.value, gas: gas_}(action.data);
        // A call inside another is not told apart in the logs, so that nothing else is judged then.
        if (armed && _disarm()) _break(Property.OneAtATime, "a verb inside another");
        if (!succeeded || isBroken()) return succeeded;
        ++successes[uint8(action.verb)];
        if (gas_ != PLENTY) _count(Feat.ShortOfGasYetDone);
        if (action.forged) _break(Property.Binding, "done with a signature for something else");
        _judge(action, before, _read(action, vm.getRecordedLogs()));
    }

    /// @dev Any amount, so that it runs out anywhere.
    function _gas() private returns (uint256) {
        if (!_oneIn(6)) return PLENTY;
        _count(Feat.ShortOfGas);
        return 21_000 + _roll(700_000);
    }

    // ------------------------------------------------------------------------------------------------------ calling back

    /// @dev Those who are called meanwhile try to call the escrow, in their own names.
    function _arm(Action memory action) private returns (bool) {
        bool hooks = action.token == address(hooked);
        if (!hooks && !_concerns(action, address(callsBack)) && !_concerns(action, address(callsBackToo))) {
            return false;
        }
        bytes memory data = _callback(action);
        callsBack.setCall(address(escrow), data);
        callsBackToo.setCall(address(escrow), data);
        if (hooks) hooked.setHook(address(_oneIn(2) ? callsBack : callsBackToo), abi.encodeCall(callsBack.run, ()));
        return true;
    }

    /// @return gotThrough whether one of them did
    function _disarm() private returns (bool gotThrough) {
        feats[uint8(Feat.Reentry)] = callsBack.calls() + callsBackToo.calls();
        gotThrough = callsBack.gotThrough() || callsBackToo.gotThrough();
        callsBack.setCall(address(0), "");
        callsBackToo.setCall(address(0), "");
        hooked.setHook(address(0), "");
    }

    function _concerns(Action memory action, address account) private view returns (bool) {
        if (action.account == account) return true;
        for (uint256 i = 0; i < action.targets.length; ++i) {
            Book storage book = books[action.targets[i]];
            if (book.buyer == account || book.terms.merchant == account || book.terms.feeRecipient == account) {
                return true;
            }
        }
        return false;
    }

    function _callback(Action memory action) private returns (bytes memory) {
        bytes32 id = action.targets.length != 0 && !_oneIn(3) ? action.targets[0] : _pickAny();
        Terms memory terms = books[id].terms;
        uint256 which = _roll(8);
        if (which == 0) return abi.encodeCall(escrow.release, (terms, _oneIn(2) ? ALL : 1));
        if (which == 1) return abi.encodeCall(escrow.reclaim, (terms));
        if (which == 2) return abi.encodeCall(escrow.refund, (terms, _oneIn(2) ? ALL : 1));
        if (which == 3) return abi.encodeCall(escrow.confirmDelivery, (terms));
        if (which == 4) return abi.encodeCall(escrow.dispute, (terms));
        if (which == 5) return abi.encodeCall(escrow.withdraw, (address(callsBack), terms.token, ALL));
        if (which == 6) return abi.encodeCall(escrow.dismissOperator, (people[5]));
        return abi.encodeCall(escrow.fund, (terms, address(callsBack)));
    }

    // ------------------------------------------------------------------------------------------------------------- helpers

    function _action(Verb verb, bytes32 id) internal view returns (Action memory action) {
        action.verb = verb;
        action.token = books[id].terms.token;
        action.targets = new bytes32[](1);
        action.targets[0] = id;
    }

    /// @dev Mostly him; now and then anyone.
    function _mostly(address account) internal returns (address) {
        return account == address(0) || _oneIn(10) ? _any(actors) : account;
    }

    /// @dev Now and then exactly at a boundary, one second before or after it; never back in time.
    function _nearly(uint256 boundary) internal {
        // What waits for longer than a month mostly waits on, or nobody else would ever be in time.
        if (boundary == 0 || (boundary > clock + 30 days && !_oneIn(8))) return;
        _goTo(boundary + _roll(3) - 1);
    }

    function _part(uint256 held) internal returns (uint256) {
        uint256 kind = _roll(8);
        if (kind == 0) return held;
        if (kind == 1) return _oneIn(2) ? held + 1 : 0;
        if (kind < 6 && held > 1) return 1 + _roll(held - 1);
        return ALL;
    }

    function _since(bytes32 id) internal view returns (uint256) {
        return books[id].since;
    }

    function _is(bytes32 id, Status status) internal view returns (bool) {
        return books[id].status == status;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {console} from "forge-std/console.sol";

import {Verb} from "./Books.sol";
import {InvariantTest} from "./InvariantTest.sol";

/// @notice A handler whose every call is refused would hold every property. So this counts what succeeds.
/// @dev Shown by `tools/forge test --match-path test/invariants/Reached.t.sol -vv`.
contract ReachedTest is InvariantTest {
    uint256 private constant WORLDS = 4;
    uint256 private constant CALLS = 300;

    string[18] private verbs = [
        "fund",
        "fundWithPermit",
        "fundWithAuthorization",
        "fundWithPermit2",
        "collect",
        "confirmDelivery",
        "release",
        "releaseWithReceipt",
        "refund",
        "reclaim",
        "dispute",
        "resolve",
        "repay",
        "releaseMany",
        "confirmDeliveryMany",
        "dismissOperator",
        "withdraw",
        "meddle"
    ];
    string[13] private feats = [
        "a part released",
        "a part refunded",
        "a part repaid",
        "a push that became a credit",
        "funded from a deposit address",
        "returned from a deposit address",
        "an item skipped",
        "a call back in the midst",
        "a signature for something else",
        "called with little gas",
        "done with little gas",
        "an item of a batch done",
        "payments that made room"
    ];
    uint256[18] private tries;
    uint256[18] private successes;
    uint256[13] private reached;

    function test_every_verb_succeeds_often() public {
        uint256 clean = vm.snapshotState();
        for (uint256 world = 0; world < WORLDS; ++world) {
            _play(world);
            _add();
            (uint256[18] memory t, uint256[18] memory s, uint256[13] memory r) = (tries, successes, reached);
            vm.revertToState(clean);
            (tries, successes, reached) = (t, s, r);
        }
        _tell();
        _assertReached();
    }

    function _play(uint256 world) private {
        bytes4[] memory selectors = handler.selectors();
        for (uint256 i = 0; i < CALLS; ++i) {
            uint256 random = uint256(keccak256(abi.encode(world, i)));
            (bool ok,) = address(handler).call(abi.encodeWithSelector(selectors[random % selectors.length], random));
            assertTrue(ok, "the handler itself failed");
            assertEq(handler.complaintText(), "");
        }
    }

    function _add() private {
        for (uint256 i = 0; i < verbs.length; ++i) {
            tries[i] += handler.tries(i);
            successes[i] += handler.successes(i);
        }
        for (uint256 i = 0; i < feats.length; ++i) {
            reached[i] += handler.feats(i);
        }
    }

    function _assertReached() private view {
        for (uint256 i = 0; i < uint8(Verb.Meddle); ++i) {
            assertGe(successes[i], 5, verbs[i]);
        }
        assertEq(successes[uint8(Verb.Meddle)], 0, "no meddler gets through");
        assertGt(tries[uint8(Verb.Meddle)], 5);
        for (uint256 i = 0; i < feats.length; ++i) {
            assertGe(reached[i], 3, feats[i]);
        }
    }

    function _tell() private view {
        for (uint256 i = 0; i < verbs.length; ++i) {
            console.log(verbs[i], successes[i], "of", tries[i]);
        }
        for (uint256 i = 0; i < feats.length; ++i) {
            console.log(feats[i], reached[i]);
        }
    }
}

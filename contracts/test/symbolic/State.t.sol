// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status} from "../../src/IEscrow.sol";
import {State, StateLib} from "../../src/StateLib.sol";
import {vm} from "./Cheats.sol";

/// @notice For every slot that there can be: what one field is told leaves the others alone. Run by `make prove`.
contract StateProof {
    function check_funded_is_the_first_event_of_its_buyer(address buyer, uint40 time) external {
        vm.warp(time);
        State state = StateLib.funded(buyer);
        assert(state.buyer() == buyer);
        assert(state.status() == Status.Funded);
        assert(state.since() == time);
        assert(state.seq() == 1);
        assert(!state.isSplit());
    }

    function check_enter_changes_status_and_time_and_counts(uint256 word, Status status, uint40 time) external {
        State before = State.wrap(word);
        vm.assume(before.seq() < type(uint48).max);
        vm.warp(time);
        State state = before.enter(status);
        assert(state.status() == status);
        assert(state.since() == time);
        assert(state.seq() == before.seq() + 1);
        assert(state.buyer() == before.buyer());
        assert(state.isSplit() == before.isSplit());
    }

    function check_next_only_counts(uint256 word) external pure {
        State before = State.wrap(word);
        vm.assume(before.seq() < type(uint48).max);
        State state = before.next();
        assert(state.seq() == before.seq() + 1);
        assert(State.unwrap(state) >> 48 == word >> 48);
    }

    function check_split_changes_one_bit(uint256 word) external pure {
        State state = State.wrap(word).split();
        assert(state.isSplit());
        assert(State.unwrap(state) | 1 << 95 == word | 1 << 95);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OddToken} from "../support/BadTokens.sol";

/// @notice Moves nothing while it is paused.
contract PausableToken is OddToken {
    bool public paused;

    error Paused();

    function setPaused(bool yes) external {
        paused = yes;
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (paused) revert Paused();
        super._update(from, to, amount);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {OddToken} from "../support/BadTokens.sol";

/// @notice Well-behaved, with as many decimals as it was told.
contract PlainToken is OddToken {
    uint8 private immutable DECIMALS;

    constructor(uint8 decimals_) {
        DECIMALS = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}

/// @notice Refuses to move nothing.
contract NoZeroToken is OddToken {
    error NothingToMove();

    function _update(address from, address to, uint256 amount) internal override {
        if (amount == 0) revert NothingToMove();
        super._update(from, to, amount);
    }
}

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

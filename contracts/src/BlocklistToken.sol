// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestDollar} from "./TestDollar.sol";

/// @title Blocklist Dollar: as worthless as the test dollar, with a blocklist as real dollar tokens have.
/// @notice Anyone may block an account, so that developers see what becomes of a blocked buyer.
contract BlocklistToken is TestDollar("Blocklist Dollar", "bUSD") {
    /// @notice Whether an account can neither send nor receive.
    mapping(address account => bool) public blocked;

    /// @notice This account is on the blocklist.
    error AccountBlocked(address account);

    /// @notice Puts an account on the blocklist, or takes it off.
    function setBlocked(address account, bool yes) external {
        blocked[account] = yes;
    }

    /// @dev Every mint and every transfer comes by here.
    function _update(address from, address to, uint256 amount) internal override {
        if (blocked[from]) revert AccountBlocked(from);
        if (blocked[to]) revert AccountBlocked(to);
        super._update(from, to, amount);
    }
}

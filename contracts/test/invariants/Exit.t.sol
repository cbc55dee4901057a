// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {InvariantTest} from "./InvariantTest.sol";

/// @notice From every state that holds money, time alone opens a way out that needs no one's permission.
contract ExitTest is InvariantTest {
    /// @dev Asserted where a run ends, below.
    function invariant_Exit() public view {}

    function afterInvariant() public {
        if (handler.isBroken()) return;
        fail_(handler.exit());
    }
}

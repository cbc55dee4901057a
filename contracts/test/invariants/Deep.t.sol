// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {InvariantTest} from "./InvariantTest.sol";

/// @notice All properties in the same runs, for long ones: forge plays the same calls for each invariant of one seed.
contract DeepTest is InvariantTest {
    function invariant_all_of_them() public view {
        if (handler.isBroken()) fail_(handler.complaintText());
    }
}

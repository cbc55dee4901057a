// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {InvariantTest} from "./InvariantTest.sol";

/// @notice All properties in the same runs, for long ones.
/// @dev More than a million calls, in an hour or two of one core:
/// `FOUNDRY_PROFILE=deep tools/forge test --match-contract 'DeepTest|ExitTest' --fuzz-seed N`. A failure is not shrunk then;
/// FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT=500 finds a shorter one in minutes.
contract DeepTest is InvariantTest {
    function invariant_all_of_them() public view {
        if (handler.isBroken()) fail_(handler.complaintText());
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Test} from "forge-std/Test.sol";

import {Property} from "./Books.sol";
import {Handler} from "./Handler.sol";

/// @notice A world, and how its properties are asserted.
abstract contract InvariantTest is Test {
    Handler internal handler;

    function setUp() public virtual {
        handler = new Handler();
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: handler.selectors()}));
    }

    function _mustHold(Property property) internal view {
        if (!handler.holds(property)) fail_(handler.complaintText());
    }

    function fail_(string memory complaint) internal pure {
        assertEq(complaint, "", "broken");
    }
}

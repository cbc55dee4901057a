// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Property} from "./Books.sol";
import {InvariantTest} from "./InvariantTest.sol";

/// @notice The properties of `contract.md` that hold after every call, by their names.
/// @dev Forge plays each its own runs, but of one seed the same calls; the long runs are in Deep.t.sol.
contract PropertiesTest is InvariantTest {
    /// @notice For each token whose balance falls only by the escrow's own transfers: balance ≥ held + credited.
    function invariant_Solvency() public view {
        _mustHold(Property.Solvency);
    }

    /// @notice Nothing changes the amounts of a payment but calls of that payment.
    function invariant_Isolation() public view {
        _mustHold(Property.Isolation);
    }

    /// @notice Per payment: funded = held + to the merchant + fee + to the buyer, and each of them got it.
    function invariant_Conservation() public view {
        _mustHold(Property.Conservation);
    }

    /// @notice No value leaves to an address outside the payment's parties.
    function invariant_OnlyParties() public view {
        _mustHold(Property.OnlyParties);
    }

    /// @notice Statuses change along the table only, by whom and when it says; what was funded is never funded again.
    function invariant_OnlyForward() public view {
        _mustHold(Property.OnlyForward);
    }

    /// @notice A signature is good for what it was made for; an allowance is spent by its owner alone.
    function invariant_Binding() public view {
        _mustHold(Property.Binding);
    }

    /// @notice Each payment's events are numbered 1, 2, 3, …
    function invariant_SeqGapless() public view {
        _mustHold(Property.SeqGapless);
    }

    /// @notice Who takes every push never gets a credit instead, with however little gas a caller comes.
    function invariant_NoStarving() public view {
        _mustHold(Property.NoStarving);
    }

    /// @notice No verb gets through while another is under way.
    function invariant_OneAtATime() public view {
        _mustHold(Property.OneAtATime);
    }
}

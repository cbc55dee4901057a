// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Without the jumps of `&&` and `||`: each jump can double the paths that a prover walks.
function both(bool a, bool b) pure returns (bool c) {
    assembly ("memory-safe") {
        c := and(a, b)
    }
}

/// @dev See {both}.
function either(bool a, bool b) pure returns (bool c) {
    assembly ("memory-safe") {
        c := or(a, b)
    }
}

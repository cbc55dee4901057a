// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IEscrow} from "./IEscrow.sol";

/// @title Calls to tokens, whose answers nobody believes: what counts is the balance.
/// @dev In assembly, because a pull or a push makes three of these calls, and encoding them in Solidity costs 1% of a release.
/// Nothing is kept in memory, and at most one word of an answer is copied.
library TokenLib {
    /// @return held the balance in base units; reverts when the token does not say
    function balanceOf(address token, address account) internal view returns (uint256 held) {
        (bytes4 selector, uint256 owner) = (IERC20.balanceOf.selector, uint160(account));
        bool answered;
        assembly ("memory-safe") {
            mstore(0x00, selector)
            mstore(0x04, owner)
            answered := and(gt(returndatasize(), 0x1f), staticcall(gas(), token, 0x00, 0x24, 0x00, 0x20))
            held := mload(0x00)
        }
        if (!answered) revert IEscrow.BalanceUnknown(token);
    }

    /// @dev Whether it came through, the balance tells.
    function transfer(address token, address to, uint256 amount, uint256 gasCap) internal {
        (bytes4 selector, uint256 receiver) = (IERC20.transfer.selector, uint160(to));
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), receiver)
            mstore(add(data, 0x24), amount)
            pop(call(gasCap, token, 0, data, 0x44, 0, 0))
        }
    }

    /// @dev Passes a revert on.
    function transferFrom(address token, address from, address to, uint256 amount) internal {
        (bytes4 selector, uint256 owner, uint256 receiver) = (IERC20.transferFrom.selector, uint160(from), uint160(to));
        bool done;
        assembly ("memory-safe") {
            let data := mload(0x40)
            mstore(data, selector)
            mstore(add(data, 0x04), owner)
            mstore(add(data, 0x24), receiver)
            mstore(add(data, 0x44), amount)
            done := call(gas(), token, 0, data, 0x64, 0, 0)
        }
        if (!done) LowLevelCall.bubbleRevert();
    }
}

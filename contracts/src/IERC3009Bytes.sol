// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The form of EIP-3009 that takes signatures of contract wallets too (USDC and its kin, since their version 2.2).
interface IERC3009Bytes {
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        bytes calldata signature
    ) external;
}

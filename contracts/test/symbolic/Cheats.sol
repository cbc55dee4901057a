// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title What a proof may ask of Forge's cheat codes; forge-std itself takes ten times as long to compile.
interface Vm {
    function assume(bool condition) external pure;
    function chainId(uint256 chainId) external;
    function deal(address account, uint256 balance) external;
    function etch(address account, bytes calldata code) external;
    function load(address account, bytes32 slot) external view returns (bytes32);
    function prank(address caller) external;
    function store(address account, bytes32 slot, bytes32 value) external;
    function warp(uint256 time) external;
}

/// @title What halmos offers beyond that: values and storage that can be anything.
interface Svm {
    function createBytes(uint256 size, string calldata name) external pure returns (bytes memory);
    function createUint256(string calldata name) external pure returns (uint256);
    function enableSymbolicStorage(address account) external;
}

Vm constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
Svm constant svm = Svm(0xF3993A62377BCd56AE39D773740A5390411E8BC9);

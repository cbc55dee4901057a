// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

/// @notice Deploys what npm's packages ship compiled, so that the tests meet the very bytes that others wrote.
library Artifacts {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @param path of a JSON artifact below `node_modules`
    /// @param arguments the constructor's, encoded
    function deploy(string memory path, bytes memory arguments) internal returns (address) {
        return create(bytes.concat(vm.parseBytes(_code(path)), arguments));
    }

    function deploy(string memory path) internal returns (address) {
        return deploy(path, "");
    }

    /// @dev Deploys a contract that calls one external library.
    /// @param qualified the library's source and name as its compiler knew them, `path:Name`
    function deployLinked(string memory path, string memory qualified, address library_) internal returns (address) {
        string memory hash = vm.toString(keccak256(bytes(qualified)));
        // A place to be filled is written as 34 characters of the name's hash, between `__$` and `$__`.
        bytes memory place = new bytes(34);
        for (uint256 i = 0; i < place.length; ++i) {
            place[i] = bytes(hash)[i + 2];
        }
        string memory linked =
            vm.replace(_code(path), string.concat("__$", string(place), "$__"), _withoutPrefix(library_));
        return create(vm.parseBytes(linked));
    }

    function create(bytes memory code) internal returns (address created) {
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
        }
        require(created != address(0), "the package's contract was not deployed");
    }

    function _code(string memory path) private view returns (string memory) {
        return vm.parseJsonString(vm.readFile(string.concat("node_modules/", path)), ".bytecode");
    }

    function _withoutPrefix(address account) private pure returns (string memory) {
        return vm.replace(vm.toString(account), "0x", "");
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {Artifacts} from "./Artifacts.sol";
import {Signing} from "./Signing.sol";

/// @notice As much of a Safe as the tests use, in its own words.
interface ISafe is IERC1271 {
    function VERSION() external view returns (string memory);
    function domainSeparator() external view returns (bytes32);
    function nonce() external view returns (uint256);
    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address paymentToken,
        uint256 payment,
        address payable paymentReceiver
    ) external;
    function getTransactionHash(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address refundReceiver,
        uint256 nonce_
    ) external view returns (bytes32);
    function execTransaction(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address payable refundReceiver,
        bytes calldata signatures
    ) external payable returns (bool);
}

interface ISafeProxyFactory {
    function createProxyWithNonce(address singleton, bytes calldata initializer, uint256 saltNonce)
        external
        returns (address proxy);
}

/// @notice Safe wallets, whose signatures others ask for by ERC-1271. With one owner a signature has 65 bytes, with two 130.
library SafeCounterpart {
    string private constant FOLDER = "@safe-global/safe-smart-account/build/artifacts/contracts/";
    bytes32 private constant MESSAGE_TYPEHASH = keccak256("SafeMessage(bytes message)");

    function deploy(address[] memory owners) internal returns (ISafe) {
        address singleton = Artifacts.deploy(string.concat(FOLDER, "Safe.sol/Safe.json"));
        ISafeProxyFactory factory = ISafeProxyFactory(
            Artifacts.deploy(string.concat(FOLDER, "proxies/SafeProxyFactory.sol/SafeProxyFactory.json"))
        );
        address handler = Artifacts.deploy(
            string.concat(FOLDER, "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json")
        );
        bytes memory setup = abi.encodeCall(
            ISafe.setup, (owners, owners.length, address(0), "", handler, address(0), 0, payable(address(0)))
        );
        return ISafe(factory.createProxyWithNonce(singleton, setup, 0));
    }

    function deploy(address owner) internal returns (ISafe) {
        address[] memory owners = new address[](1);
        owners[0] = owner;
        return deploy(owners);
    }

    /// @dev What an owner signs so that the Safe answers for `digest`.
    function messageDigest(ISafe safe, bytes32 digest) internal view returns (bytes32) {
        bytes32 message = keccak256(abi.encode(digest));
        return Signing.typed(safe.domainSeparator(), keccak256(abi.encode(MESSAGE_TYPEHASH, message)));
    }

    /// @dev One owner's signature for `digest`.
    function sign(ISafe safe, uint256 key, bytes32 digest) internal view returns (bytes memory) {
        return Signing.sign(key, messageDigest(safe, digest));
    }

    /// @dev Lets a Safe of one owner call, the whole way through its own verification.
    function act(ISafe safe, uint256 key, address to, bytes memory data) internal {
        bytes32 digest = safe.getTransactionHash(to, 0, data, 0, 0, 0, 0, address(0), address(0), safe.nonce());
        safe.execTransaction(to, 0, data, 0, 0, 0, 0, address(0), payable(address(0)), Signing.sign(key, digest));
    }
}

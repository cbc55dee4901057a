// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Vm.sol";

import {IPermit2} from "../../../src/IPermit2.sol";
import {Signing} from "./Signing.sol";

/// @notice What the tests use of Permit2 beside what the escrow does, in its own words.
interface ITruePermit2 is IPermit2 {
    error InvalidAmount(uint256 maxAmount);
    error InvalidNonce();
    error InvalidSigner();
    error InvalidSignature();
    error InvalidSignatureLength();
    error InvalidContractSignature();
    error SignatureExpired(uint256 signatureDeadline);

    function DOMAIN_SEPARATOR() external view returns (bytes32);

    function nonceBitmap(address owner, uint256 word) external view returns (uint256);

    function invalidateUnorderedNonces(uint256 word, uint256 mask) external;

    function permitTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata details,
        address owner,
        bytes calldata signature
    ) external;
}

/// @notice The true Permit2. Its address is the hash of its code, so whoever deploys it there has the right one.
library Permit2Counterpart {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    ITruePermit2 internal constant PERMIT2 = ITruePermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);
    /// @dev The deterministic deployment proxy, on every chain and in forge: takes salt and code, and deploys by CREATE2.
    address private constant FACTORY = 0x4e59b44847b379578588920cA78FbF26c0B4956C;
    /// @dev The salt that its authors found, for an address with leading zeros.
    bytes32 private constant SALT = 0x0000000000000000000000000000000000000000d3af2663da51c10215000000;
    string private constant CODE =
        "node_modules/hardhat-predeploy/bin/0x000000000022D473030F116dDEE9F6B43aC78BA3.bytecode";

    string private constant PERMISSIONS = "TokenPermissions(address token,uint256 amount)";
    string private constant WITNESS_STUB =
        "PermitWitnessTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline,";

    function deploy() internal returns (ITruePermit2) {
        bytes memory code = vm.readFileBinary(CODE);
        require(
            vm.computeCreate2Address(SALT, keccak256(code), FACTORY) == address(PERMIT2),
            "the package's Permit2 is not it"
        );
        if (address(PERMIT2).code.length == 0) {
            (bool deployed,) = FACTORY.call(bytes.concat(SALT, code));
            require(deployed, "Permit2 was not deployed");
        }
        return PERMIT2;
    }

    /// @param witness the hash of the witness's struct
    /// @param witnessTypeString `Witness witness)Witness(…)TokenPermissions(address token,uint256 amount)`
    /// @param spender who may use the signature: the caller of Permit2
    function digest(
        IPermit2.PermitTransferFrom memory permit,
        address spender,
        bytes32 witness,
        string memory witnessTypeString
    ) internal view returns (bytes32) {
        bytes32 typehash = keccak256(abi.encodePacked(WITNESS_STUB, witnessTypeString));
        bytes32 permitted =
            keccak256(abi.encode(keccak256(bytes(PERMISSIONS)), permit.permitted.token, permit.permitted.amount));
        return Signing.typed(
            PERMIT2.DOMAIN_SEPARATOR(),
            keccak256(abi.encode(typehash, permitted, spender, permit.nonce, permit.deadline, witness))
        );
    }
}

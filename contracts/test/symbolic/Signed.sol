// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {IPermit2} from "../../src/IPermit2.sol";

/// @notice A wallet that approves one digest, under any signature.
contract Wallet is IERC1271 {
    bytes32 public approved;

    function isValidSignature(bytes32 hash, bytes calldata) external view returns (bytes4) {
        return hash == approved ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// @notice A token that believes every authorization, and remembers what it was asked.
contract RecordingToken {
    mapping(address account => uint256) public balanceOf;
    address public from;
    address public to;
    uint256 public value;
    bytes32 public nonce;

    function receiveWithAuthorization(
        address from_,
        address to_,
        uint256 value_,
        uint256,
        uint256,
        bytes32 nonce_,
        uint8,
        bytes32,
        bytes32
    ) external {
        _receive(from_, to_, value_, nonce_);
    }

    function receiveWithAuthorization(
        address from_,
        address to_,
        uint256 value_,
        uint256,
        uint256,
        bytes32 nonce_,
        bytes calldata
    ) external {
        _receive(from_, to_, value_, nonce_);
    }

    function mint(address to_, uint256 value_) public {
        balanceOf[to_] += value_;
    }

    function _receive(address from_, address to_, uint256 value_, bytes32 nonce_) private {
        (from, to, value, nonce) = (from_, to_, value_, nonce_);
        mint(to_, value_);
    }
}

/// @notice A Permit2 that believes every signature, and remembers what it was asked.
contract RecordingPermit2 {
    address public token;
    uint256 public permitted;
    address public to;
    uint256 public moved;
    address public owner;
    bytes32 public witness;
    bytes32 public witnessType;

    function permitWitnessTransferFrom(
        IPermit2.PermitTransferFrom calldata permit,
        IPermit2.SignatureTransferDetails calldata details,
        address owner_,
        bytes32 witness_,
        string calldata witnessType_,
        bytes calldata
    ) external {
        (token, permitted) = (permit.permitted.token, permit.permitted.amount);
        (to, moved, owner) = (details.to, details.requestedAmount, owner_);
        (witness, witnessType) = (witness_, keccak256(bytes(witnessType_)));
        RecordingToken(token).mint(to, moved);
    }
}

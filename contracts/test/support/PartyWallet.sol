// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

/// @notice A party that is a contract: it does what its owner says, signs with his key (ERC-1271), and takes coin only while
/// its door is open.
contract PartyWallet {
    address public immutable OWNER;
    bool public closed;

    error NotOwner();
    error DoorIsClosed();

    constructor(address owner) {
        OWNER = owner;
    }

    receive() external payable {
        if (closed) revert DoorIsClosed();
    }

    function setClosed(bool yes) external {
        if (msg.sender != OWNER) revert NotOwner();
        closed = yes;
    }

    function run(address to, uint256 value, bytes calldata data) external {
        if (msg.sender != OWNER) revert NotOwner();
        (bool done, bytes memory answer) = to.call{value: value}(data);
        if (done) return;
        assembly ("memory-safe") {
            revert(add(answer, 0x20), mload(answer))
        }
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecoverCalldata(hash, signature);
        return problem == ECDSA.RecoverError.NoError && signer == OWNER ? this.isValidSignature.selector : bytes4(0);
    }
}

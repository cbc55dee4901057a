// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {svm} from "./Cheats.sol";

/// @notice Every token that calls nobody: each call to it reverts or answers, with any word, anew each time.
contract AnyToken {
    fallback() external {
        require(svm.createBool("accepts"));
        bytes32 answer = svm.createBytes32("answer");
        assembly ("memory-safe") {
            mstore(0, answer)
            return(0, 0x20)
        }
    }
}

/// @notice A token that moves what it is told to, or nothing; accounts that it refuses can neither send nor receive. Whoever
/// spends has been allowed to.
contract HonestToken {
    mapping(address account => uint256) public balanceOf;
    mapping(address account => bool) public refuses;

    function transfer(address to, uint256 amount) external returns (bool) {
        return transferFrom(msg.sender, to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public returns (bool) {
        require(!refuses[to]);
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
        return true;
    }
}

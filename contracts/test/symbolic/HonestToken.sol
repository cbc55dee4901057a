// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

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

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title The plain ERC-20 that the gas table speaks of.
contract PlainToken is ERC20 {
    constructor() ERC20("Plain Dollar", "PLAIN") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// @title A worthless dollar that anyone may mint, for developers' chains only.
/// @notice It knows the two signature ways of real dollar tokens: EIP-2612 (`permit`) and EIP-3009 (`…WithAuthorization`).
abstract contract TestDollar is ERC20Permit, ERC3009 {
    constructor(string memory name, string memory symbol) ERC20(name, symbol) ERC20Permit(name) {}

    /// @notice Makes `amount` base units out of nothing for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Six decimals, as the dollar tokens that merchants are used to.
    function decimals() public pure override returns (uint8) {
        return 6;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";

/// @title Blocklist Dollar: as worthless as the test dollar, with a blocklist as real dollar tokens have.
/// @notice Anyone may mint it and anyone may block an account, so that developers see what becomes of a blocked buyer.
contract BlocklistToken is ERC20Permit, ERC3009 {
    /// @notice Whether an account can neither send nor receive.
    mapping(address account => bool) public blocked;

    /// @notice This account is on the blocklist.
    error AccountBlocked(address account);

    constructor() ERC20("Blocklist Dollar", "bUSD") ERC20Permit("Blocklist Dollar") {}

    /// @notice Makes `amount` base units out of nothing for `to`.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    /// @notice Puts an account on the blocklist, or takes it off.
    function setBlocked(address account, bool yes) external {
        blocked[account] = yes;
    }

    /// @notice Six decimals, as the dollar tokens that merchants are used to.
    function decimals() public pure override returns (uint8) {
        return 6;
    }

    /// @dev Every mint and every transfer comes by here.
    function _update(address from, address to, uint256 amount) internal override {
        if (blocked[from]) revert AccountBlocked(from);
        if (blocked[to]) revert AccountBlocked(to);
        super._update(from, to, amount);
    }
}

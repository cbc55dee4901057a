// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IEscrow} from "./IEscrow.sol";
import {TokenLib} from "./TokenLib.sol";

/// @title The wallet at a payment's deposit address: it takes anything from anyone, and the escrow alone commands it.
/// @dev It stays for ever, since money may arrive at any time.
contract DepositWallet {
    using TokenLib for address;

    /// @notice Only the escrow commands this wallet.
    error NotEscrow(address caller);

    IEscrow private immutable ESCROW = IEscrow(msg.sender);

    /// @dev Coin may come by a plain transfer after the wallet is there, too.
    receive() external payable {}

    /// @notice Hands the escrow coin for the payment of this deposit address.
    function deposit(bytes32 id, uint256 amount) external {
        _onlyEscrow();
        ESCROW.receiveDeposit{value: amount}(id);
    }

    /// @notice Sends tokens, or coin where `token` is zero.
    function send(address token, address to, uint256 amount) external {
        _onlyEscrow();
        // The balances tell the escrow what came of it.
        // slither-disable-next-line unused-return
        if (token == address(0)) LowLevelCall.callNoReturn(to, amount, "");
        else token.transfer(to, amount, gasleft());
    }

    function _onlyEscrow() private view {
        if (msg.sender != address(ESCROW)) revert NotEscrow(msg.sender);
    }
}

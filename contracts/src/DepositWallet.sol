// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IEscrow} from "./IEscrow.sol";

/// @title The wallet at a payment's deposit address: it takes anything from anyone, and the escrow alone commands it.
/// @dev It stays for ever, since money may arrive at any time.
contract DepositWallet {
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

    /// @notice Sends tokens, or coin where `token` is zero. What a token answers is left to the escrow, which looks at balances.
    function send(address token, address to, uint256 amount) external {
        _onlyEscrow();
        bool done = token == address(0)
            ? LowLevelCall.callNoReturn(to, amount, "")
            : LowLevelCall.callNoReturn(token, abi.encodeCall(IERC20.transfer, (to, amount)));
        if (!done) LowLevelCall.bubbleRevert();
    }

    function _onlyEscrow() private view {
        if (msg.sender != address(ESCROW)) revert NotEscrow(msg.sender);
    }
}

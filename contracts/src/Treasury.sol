// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LowLevelCall} from "@openzeppelin/contracts/utils/LowLevelCall.sol";

import {IEscrow, Terms} from "./IEscrow.sol";
import {TokenLib} from "./TokenLib.sol";

/// @title How money enters and leaves: exact pulls, pushes that no one can starve or block, and credits for what failed.
/// @dev The zero address stands for the chain's own coin. What a token says is never believed; the escrow's balance is.
abstract contract Treasury is IEscrow {
    using TokenLib for address;

    /// @dev As an amount: everything there is.
    uint256 internal constant ALL = type(uint256).max;
    /// @dev Exactly what a receiver of coin may use: a smart wallet's receive hook with a log or two.
    uint256 private constant COIN_PUSH_GAS = 100_000;
    /// @dev Exactly what a token's transfer may use: a proxy with blocklist, fee table and hooks needs less than half.
    uint256 internal constant TOKEN_PUSH_GAS = 300_000;
    /// @dev The EVM gives this on top of a call that carries coin, so that much less is passed.
    uint256 private constant CALL_STIPEND = 2_300;
    /// @dev What is spent before the receiver runs (at most 36,600: cold account, value, new account) and left to do
    /// afterwards (the balance's verdict, a new credit at 22,100, the event).
    uint256 private constant PUSH_RESERVE = 80_000;

    /// @dev Whom an event's `credited` means.
    uint256 internal constant MERCHANT_CREDITED = 1;
    uint256 internal constant FEE_CREDITED = 2;
    uint256 internal constant BUYER_CREDITED = 4;

    mapping(address account => mapping(address token => uint256 amount)) private _credits;

    /// @dev Takes exactly `amount` from the caller, or reverts: tokens for `account`, coin always for the escrow itself.
    // Its callers, `fund` and `repay`, are payable.
    // slither-disable-next-line msg-value-in-nonpayable
    function _pull(address token, address account, uint256 amount) internal {
        if (token == address(0)) {
            if (msg.value != amount) revert WrongCoinAmount(msg.value, amount);
        } else {
            if (msg.value != 0) revert CoinSentWithToken(msg.value);
            _pullToken(token, account, amount);
        }
    }

    /// @dev Moves exactly `amount` of a token from the caller to `account`, or reverts.
    function _pullToken(address token, address account, uint256 amount) internal {
        uint256 balanceBefore = _tokenBalance(token, account);
        token.transferFrom(msg.sender, account, amount);
        _requireRise(token, account, balanceBefore, amount);
    }

    /// @return the balance of a token, which must have code
    function _tokenBalance(address token, address account) internal view returns (uint256) {
        if (token.code.length == 0) revert TokenHasNoCode(token);
        return token.balanceOf(account);
    }

    /// @return the balance of a token, or of coin
    function _balanceOf(address token, address account) internal view returns (uint256) {
        return token == address(0) ? account.balance : _tokenBalance(token, account);
    }

    /// @dev Reverts unless the account has exactly `amount` more than before.
    function _requireRise(address token, address account, uint256 balanceBefore, uint256 amount) internal view {
        uint256 balanceAfter = token.balanceOf(account);
        unchecked {
            // Wrapping is harmless: it takes a token that lies about balances, and harms that token's own payments alone.
            if (balanceAfter - balanceBefore != amount) revert WrongBalanceRise(balanceBefore, balanceAfter, amount);
        }
    }

    /// @dev Pushes `amount` to `account`; what fails becomes the account's credit.
    /// @return credited `flag` if it did, else zero
    function _pay(address token, address account, uint256 amount, uint256 flag) internal returns (uint256 credited) {
        if (amount == 0) return 0;
        if (token == address(0) ? _pushCoin(account, amount) : _pushToken(token, account, amount)) return 0;
        _credits[account][token] += amount;
        return flag;
    }

    /// @dev Pays the merchant's side.
    /// @return credited the flags of those who got a credit
    function _payMerchant(Terms calldata terms, uint256 net, uint256 fee) internal returns (uint256 credited) {
        credited = _pay(terms.token, terms.merchant, net, MERCHANT_CREDITED);
        if (fee != 0) credited |= _pay(terms.token, terms.feeRecipient, fee, FEE_CREDITED);
    }

    /// @dev Takes exactly `amount` from the caller straight to `account`. Coin that it can't be paid becomes its credit.
    function _passOn(address token, address account, uint256 amount, uint256 flag) internal returns (uint256) {
        _pull(token, account, amount);
        return token == address(0) ? _pay(token, account, amount, flag) : 0;
    }

    /// @dev Pays a part of the credit, or all of it, with at least the gas of a push and without a cap, or reverts.
    /// @return part what was paid
    function _payCredit(address account, address token, uint256 amount) internal returns (uint256 part) {
        uint256 credit = _credits[account][token];
        if (credit == 0) revert NoCredit(account, token);
        part = amount == ALL ? credit : amount;
        if (part == 0) revert AmountOutOfBounds(0);
        if (part > credit) revert AmountExceedsCredit(part, credit);
        _credits[account][token] = credit - part;
        bool paid;
        if (token == address(0)) {
            _requireGasFor(COIN_PUSH_GAS);
            paid = LowLevelCall.callNoReturn(account, part, "");
        } else {
            uint256 balanceBefore = token.balanceOf(address(this));
            _requireGasFor(TOKEN_PUSH_GAS);
            token.transfer(account, part, gasleft());
            paid = _hasFallen(token, balanceBefore, part);
        }
        if (!paid) revert WithdrawFailed(account, token, part);
    }

    function _credit(address account, address token) internal view returns (uint256) {
        return _credits[account][token];
    }

    function _pushCoin(address account, uint256 amount) private returns (bool paid) {
        _requireGasFor(COIN_PUSH_GAS);
        assembly ("memory-safe") {
            paid := call(sub(COIN_PUSH_GAS, CALL_STIPEND), account, amount, 0, 0, 0, 0)
        }
    }

    function _pushToken(address token, address account, uint256 amount) private returns (bool paid) {
        uint256 balanceBefore = token.balanceOf(address(this));
        _requireGasFor(TOKEN_PUSH_GAS);
        token.transfer(account, amount, TOKEN_PUSH_GAS);
        return _hasFallen(token, balanceBefore, amount);
    }

    /// @dev The verdict is the balance's: less by the amount is paid, unchanged is not, anything else reverts.
    function _hasFallen(address token, uint256 balanceBefore, uint256 amount) private view returns (bool) {
        uint256 balanceAfter = token.balanceOf(address(this));
        if (balanceAfter == balanceBefore) return false;
        unchecked {
            // Wrapping is harmless, as above.
            if (balanceBefore - balanceAfter != amount) revert WrongBalanceFall(balanceBefore, balanceAfter, amount);
        }
        return true;
    }

    /// @dev A call passes on at most 63/64 of what is left (EIP-150) and goes ahead with less than it was told to. So the
    /// verb reverts first: nobody can starve a push into failing.
    function _requireGasFor(uint256 pushGas) internal view {
        unchecked {
            uint256 needed = pushGas * 64 / 63 + PUSH_RESERVE;
            uint256 left = gasleft();
            if (left < needed) revert PushNeedsGas(left, needed);
        }
    }
}

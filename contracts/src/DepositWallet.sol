// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The wallet at a payment's deposit address: it takes anything from anyone, and the escrow alone commands it.
/// @dev It stays for ever, since money may arrive at any time. It is as small as may be, and knows nothing of tokens: whoever
/// collects first pays 200 gas for each byte of it.
contract DepositWallet {
    /// @notice Only the escrow commands this wallet.
    error NotEscrow(address caller);

    address private immutable ESCROW = msg.sender;

    /// @dev Coin may come by a plain transfer after the wallet is there, too.
    receive() external payable {}

    /// @notice Calls `target` with coin and data, and reverts if that fails. What is answered, nobody asks: balances tell.
    function execute(address target, uint256 value, bytes calldata data) external {
        if (msg.sender != ESCROW) revert NotEscrow(msg.sender);
        // Without the detour through bytes in memory, the first `collect` costs a tenth less.
        assembly ("memory-safe") {
            let start := mload(0x40) // beyond the free memory pointer, where nothing is kept
            calldatacopy(start, data.offset, data.length)
            if iszero(call(gas(), target, value, start, data.length, 0, 0)) { revert(0, 0) }
        }
    }
}

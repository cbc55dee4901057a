// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Terms} from "../../src/IEscrow.sol";
import {OddToken} from "./BadTokens.sol";
import {EscrowTest} from "./EscrowTest.sol";

/// @notice A merchant with money to repay, and with as much coin sent along as a test likes.
abstract contract RepayingTest is EscrowTest {
    /// @dev The merchant repays out of what he has, with this much coin.
    function repayOut(Terms memory terms, uint256 amount, uint256 value) internal {
        vm.prank(terms.merchant);
        escrow.repay{value: value}(terms, amount);
    }

    /// @dev Money for the merchant to repay with, approved where it is a token.
    function furnish(Terms memory terms, uint256 amount) internal {
        if (terms.token == address(0)) {
            vm.deal(terms.merchant, amount);
        } else {
            OddToken(terms.token).mint(terms.merchant, amount);
            vm.prank(terms.merchant);
            OddToken(terms.token).approve(address(escrow), amount);
        }
    }

    function valueOf(Terms memory terms, uint256 amount) internal pure returns (uint256) {
        return terms.token == address(0) ? amount : 0;
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vm} from "forge-std/Test.sol";

import {DepositWallet} from "../../src/DepositWallet.sol";
import {IEscrow, Status, Terms} from "../../src/IEscrow.sol";
import {OddToken} from "./BadTokens.sol";
import {TermsTest} from "./TermsTest.sol";

/// @notice Plain transfers to deposit addresses, as an exchange makes them, and what came of them.
abstract contract DepositTest is TermsTest {
    address internal exchange = makeAddr("exchange");

    function walletOf(Terms memory terms) internal view returns (DepositWallet) {
        return DepositWallet(payable(escrow.depositAddressOf(escrow.idOf(terms))));
    }

    /// @dev A withdrawal from the exchange, in the terms' own token or coin.
    function deposit(Terms memory terms, uint256 amount) internal {
        depositIn(terms.token, terms, amount);
    }

    function depositIn(address which, Terms memory terms, uint256 amount) internal {
        address wallet = address(walletOf(terms));
        if (which == address(0)) {
            vm.deal(exchange, amount);
            vm.prank(exchange);
            (bool sent,) = wallet.call{value: amount}("");
            assertTrue(sent, "coin arrived");
        } else {
            OddToken(which).mint(exchange, amount);
            vm.prank(exchange);
            (bool sent,) = which.call(abi.encodeCall(IERC20.transfer, (wallet, amount))); // not every token answers
            assertTrue(sent, "tokens arrived");
        }
    }

    function collect(address caller, Terms memory terms) internal {
        vm.prank(caller);
        escrow.collect(terms, terms.token);
    }

    function collectIn(address which, Terms memory terms) internal {
        vm.prank(stranger);
        escrow.collect(terms, which);
    }

    function inToken(OddToken odd) internal view returns (Terms memory terms) {
        terms = tokenTerms();
        terms.token = address(odd);
    }

    function balanceIn(address which, address account) internal view returns (uint256) {
        return which == address(0) ? account.balance : IERC20(which).balanceOf(account);
    }

    function expectFundedByDeposit(Terms memory terms) internal {
        bytes32 id = escrow.idOf(terms);
        address wallet = address(walletOf(terms));
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentFunded(id, 1, Status.Funded, terms.amount, wallet, terms.buyer, terms);
    }

    function expectReturned(Terms memory terms, address which, uint256 amount) internal {
        bytes32 id = escrow.idOf(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.DepositReturned(id, which, terms.buyer, amount);
    }

    /// @dev How many logs of this kind were recorded.
    function countLogs(bytes32 topic) internal returns (uint256 count) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == topic) ++count;
        }
    }
}

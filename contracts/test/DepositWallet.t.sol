// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DepositWallet} from "../src/DepositWallet.sol";
import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {DepositTest} from "./support/DepositTest.sol";

/// @notice The wallet at a deposit address: where it is, whom it obeys, and that no two payments share one.
contract DepositWalletTest is DepositTest {
    // given the address

    function test_wallet_is_made_where_it_was_foretold() public {
        Terms memory terms = tokenTerms();
        bytes32 id = escrow.idOf(terms);
        address foretold = escrow.depositAddressOf(id);
        assertEq(foretold.code.length, 0);
        deposit(terms, AMOUNT);
        collect(stranger, terms);
        assertGt(foretold.code.length, 0);
        assertEq(escrow.depositAddressOf(id), foretold, "nor does it move afterwards");
    }

    function test_wallet_is_made_once(bool coin) public {
        Terms memory terms = termsIn(coin);
        deposit(terms, AMOUNT + 1);
        uint256 made = vm.getNonce(address(escrow));
        collect(stranger, terms);
        assertEq(vm.getNonce(address(escrow)), made + 1);
        for (uint256 i = 0; i < 3; ++i) {
            deposit(terms, AMOUNT);
            collect(stranger, terms);
        }
        assertEq(vm.getNonce(address(escrow)), made + 1);
    }

    function test_wallet_takes_coin_before_it_is_there_and_afterwards() public {
        Terms memory terms = coinTerms();
        deposit(terms, AMOUNT - 1);
        collect(buyer, terms);
        assertGt(address(walletOf(terms)).code.length, 0);
        deposit(terms, AMOUNT);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT);
    }

    function test_wallet_that_is_there_already_funds_tokens_too() public {
        Terms memory terms = tokenTerms();
        depositIn(address(0), terms, 1);
        collectIn(address(0), terms);
        deposit(terms, AMOUNT + 7);
        collect(stranger, terms);
        assertEq(escrow.heldOf(terms), AMOUNT);
    }

    // given two payments

    function test_collect_of_one_payment_never_touches_anothers_deposit(bool coin) public {
        Terms memory first = another(termsIn(coin), 1);
        Terms memory second = another(termsIn(coin), 2);
        assertNotEq(address(walletOf(first)), address(walletOf(second)));
        deposit(first, AMOUNT);
        expectRevertWith(
            abi.encodeWithSelector(IEscrow.NothingToCollect.selector, address(walletOf(second)), second.token)
        );
        collect(buyer, second);
        deposit(second, AMOUNT / 2);
        collect(buyer, second);
        assertEq(balance(first, address(walletOf(first))), AMOUNT);
        collect(stranger, first);
        assertEq(escrow.heldOf(first), AMOUNT);
        assertEq(escrow.heldOf(second), 0);
    }

    /// @dev Whoever takes another's terms and puts himself in for the buyer has another deposit address.
    function test_deposit_is_out_of_reach_of_terms_with_another_buyer() public {
        Terms memory terms = tokenTerms();
        deposit(terms, AMOUNT - 1);
        terms.buyer = stranger;
        expectRevertWith(
            abi.encodeWithSelector(IEscrow.NothingToCollect.selector, address(walletOf(terms)), address(token))
        );
        collect(stranger, terms);
    }

    // given someone else than the escrow

    function _madeWallet(Terms memory terms) private returns (DepositWallet wallet) {
        deposit(terms, 1);
        collect(buyer, terms);
        return walletOf(terms);
    }

    function test_wallet_obeys_nobody_but_the_escrow() public {
        Terms memory terms = coinTerms();
        DepositWallet wallet = _madeWallet(terms);
        bytes32 id = escrow.idOf(terms);
        deposit(terms, AMOUNT);
        address[5] memory others = [buyer, merchant, operator, stranger, address(wallet)];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(DepositWallet.NotEscrow.selector, others[i]);
            vm.expectRevert(reason, address(wallet));
            vm.prank(others[i]);
            wallet.execute(others[i], 1, "");
            vm.expectRevert(reason, address(wallet));
            vm.prank(others[i]);
            wallet.execute(address(token), 0, abi.encodeCall(token.transfer, (others[i], 0)));
            vm.expectRevert(reason, address(wallet));
            vm.prank(others[i]);
            wallet.execute(address(escrow), 1, abi.encodeCall(escrow.receiveDeposit, (id)));
        }
        assertEq(address(wallet).balance, AMOUNT);
    }

    /// @dev What it can't do it must not pass over: the escrow takes coin from it without looking at balances.
    function test_wallet_reverts_when_its_call_fails() public {
        Terms memory terms = coinTerms();
        DepositWallet wallet = _madeWallet(terms);
        vm.prank(address(escrow));
        vm.expectRevert(bytes(""));
        wallet.execute(stranger, 1, "");
    }

    function test_wallet_of_one_escrow_does_not_obey_another() public {
        DepositWallet wallet = _madeWallet(tokenTerms());
        address other = address(newEscrow());
        vm.expectRevert(abi.encodeWithSelector(DepositWallet.NotEscrow.selector, other), address(wallet));
        vm.prank(other);
        wallet.execute(other, 0, "");
    }

    function test_receiveDeposit_reverts_for_anyone_but_the_deposit_address() public {
        Terms memory terms = coinTerms();
        bytes32 id = fund(terms);
        address otherWallet = address(_madeWallet(another(terms, 2)));
        address[5] memory others = [buyer, merchant, stranger, address(escrow), otherWallet];
        for (uint256 i = 0; i < others.length; ++i) {
            vm.deal(others[i], others[i].balance + 1);
            expectRevertWith(abi.encodeWithSelector(IEscrow.NotDepositAddress.selector, others[i]));
            vm.prank(others[i]);
            escrow.receiveDeposit{value: 1}(id);
        }
    }

    // given coin that is funded by a deposit: the escrow counts it for this payment only

    function test_deposits_of_many_payments_are_held_apart() public {
        for (uint256 i = 0; i < 4; ++i) {
            Terms memory terms = another(coinTerms(), i);
            terms.amount = AMOUNT + i;
            deposit(terms, AMOUNT + 2);
            if (i > 2) {
                expectRevertWith(abi.encodeWithSelector(IEscrow.DepositTooShort.selector, AMOUNT + 2, AMOUNT + 3));
            }
            collect(stranger, terms);
            assertEq(escrow.heldOf(terms), i > 2 ? 0 : AMOUNT + i);
        }
        assertEq(address(escrow).balance, 3 * AMOUNT + 3);
    }
}

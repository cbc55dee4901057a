// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {ElasticToken} from "./support/BadTokens.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

/// @notice A token whose balances change between calls keeps the escrow's promises only as far as it keeps its own; it
/// never touches payments in other tokens.
contract RebasingTest is EscrowTest {
    ElasticToken private elastic;
    Terms private first;
    Terms private second;

    function setUp() public override {
        super.setUp();
        elastic = new ElasticToken();
        elastic.mint(buyer, 2 * AMOUNT);
        vm.prank(buyer);
        elastic.approve(address(escrow), ALL);
        first = withoutFee(tokenTerms());
        first.token = address(elastic);
        second = first;
        second.orderHash = keccak256("order 2");
        fund(first);
        fund(second);
        fund(coinTerms());
    }

    function _release(Terms memory terms) private {
        vm.prank(buyer);
        escrow.release(terms, ALL);
    }

    function test_grown_balance_pays_everyone_what_was_paid_in_and_no_more() public {
        elastic.setBalance(address(escrow), 3 * AMOUNT);
        _release(first);
        _release(second);
        assertEq(elastic.balanceOf(merchant), 2 * AMOUNT);
        assertEq(elastic.balanceOf(address(escrow)), AMOUNT);
        assertEq(escrow.creditOf(merchant, address(elastic)), 0);
    }

    function test_shrunk_balance_pays_who_comes_first_and_owes_the_other_until_it_is_made_good() public {
        elastic.setBalance(address(escrow), AMOUNT + AMOUNT / 2);
        _release(first);
        assertEq(elastic.balanceOf(merchant), AMOUNT);
        bytes32 id = escrow.idOf(second);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRefunded(id, 2, Status.Refunded, 0, AMOUNT, 4);
        vm.prank(merchant);
        escrow.refund(second, ALL);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WithdrawFailed.selector, buyer, address(elastic), AMOUNT));
        escrow.withdraw(buyer, address(elastic), ALL);
        elastic.mint(address(escrow), AMOUNT / 2);
        escrow.withdraw(buyer, address(elastic), ALL);
        assertEq(elastic.balanceOf(buyer), AMOUNT);
        assertEq(elastic.balanceOf(address(escrow)), 0);
    }

    function test_shrunk_balance_leaves_other_tokens_alone() public {
        elastic.setBalance(address(escrow), 0);
        _release(first);
        assertEq(escrow.creditOf(merchant, address(elastic)), AMOUNT);
        _release(coinTerms());
        assertEq(merchant.balance, 97.5e6);
        assertEq(escrow.creditOf(merchant, address(0)), 0);
    }

    // given a token that ceases to be one, and comes back

    function test_every_way_out_waits_while_the_token_has_no_code() public {
        bytes memory code = address(elastic).code;
        vm.etch(address(elastic), "");
        vm.warp(START + DELIVERY_PERIOD);
        vm.expectRevert();
        escrow.reclaim(first);
        vm.prank(merchant);
        vm.expectRevert();
        escrow.refund(first, ALL);
        assertEq(escrow.heldOf(first), AMOUNT);
        vm.etch(address(elastic), code);
        escrow.reclaim(first);
        assertEq(elastic.balanceOf(buyer), AMOUNT);
    }
}

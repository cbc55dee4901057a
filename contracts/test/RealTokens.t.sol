// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {TestToken} from "../src/TestToken.sol";
import {EscrowTest} from "./support/EscrowTest.sol";
import {IUsdc, UsdcCounterpart} from "./support/counterparts/UsdcCounterpart.sol";
import {UsdtLikeToken} from "./support/counterparts/UsdtLikeToken.sol";
import {IWeth, WethCounterpart} from "./support/counterparts/WethCounterpart.sol";

/// @notice What must hold for each of the tokens that merchants really take.
abstract contract RealTokenTest is EscrowTest {
    function setUp() public virtual override {
        super.setUp();
        // The helpers only ask it for balances, which every token answers.
        token = TestToken(_deploy());
        _issue(buyer, 10 * AMOUNT);
        _approve(buyer, 10 * AMOUNT);
    }

    function _deploy() internal virtual returns (address);
    function _issue(address to, uint256 amount) internal virtual;

    /// @dev By hand, since not every token answers.
    function _approve(address owner, uint256 amount) internal {
        vm.prank(owner);
        (bool approved,) = address(token).call(abi.encodeCall(IERC20.approve, (address(escrow), amount)));
        assertTrue(approved);
    }

    function _release(Terms memory terms, uint256 amount) internal {
        vm.prank(buyer);
        escrow.release(terms, amount);
    }

    // given a token that nobody has paused or blocked anyone in

    function test_funded_delivered_and_released_after_the_window() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Delivered);
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
        vm.warp(START + DISPUTE_WINDOW);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 3, Status.Released, 0, 97.5e6, 2.5e6, 0);
        vm.prank(stranger);
        escrow.release(terms, ALL);
        assertEq(token.balanceOf(merchant), 97.5e6);
        assertEq(token.balanceOf(feeRecipient), 2.5e6);
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    function test_parts_go_both_ways_to_the_last_unit() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        _release(terms, 33_333_333);
        vm.prank(merchant);
        escrow.refund(terms, 11_111_111);
        _release(terms, ALL);
        assertEq(token.balanceOf(buyer), 9 * AMOUNT + 11_111_111);
        assertEq(token.balanceOf(merchant) + token.balanceOf(feeRecipient), AMOUNT - 11_111_111);
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    function test_refunded_and_reclaimed_in_full() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Refunded);
        terms.orderHash = keccak256("order 2");
        reach(terms, Status.Reclaimed);
        assertEq(token.balanceOf(buyer), 10 * AMOUNT);
    }

    function test_disputed_and_split_by_the_arbiter() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Disputed);
        vm.prank(arbiter);
        escrow.resolve(terms, 60e6, 40e6);
        assertEq(token.balanceOf(buyer), 9 * AMOUNT + 60e6);
        assertEq(token.balanceOf(merchant), 39e6);
        assertEq(token.balanceOf(feeRecipient), 1e6);
    }

    function test_fund_reverts_without_an_allowance() public {
        Terms memory terms = tokenTerms();
        _approve(buyer, 0);
        vm.prank(buyer);
        vm.expectRevert();
        escrow.fund(terms, buyer);
        assertEq(token.balanceOf(buyer), 10 * AMOUNT);
    }

    function test_fund_reverts_when_the_payer_has_too_little() public {
        Terms memory terms = tokenTerms();
        vm.prank(buyer);
        (bool moved,) = address(token).call(abi.encodeCall(IERC20.transfer, (stranger, 9 * AMOUNT + 1)));
        assertTrue(moved);
        vm.prank(buyer);
        vm.expectRevert();
        escrow.fund(terms, buyer);
    }
}

contract UsdcTest is RealTokenTest {
    using UsdcCounterpart for IUsdc;

    IUsdc internal usdc;

    function _deploy() internal override returns (address) {
        usdc = UsdcCounterpart.deploy();
        return address(usdc);
    }

    function _issue(address to, uint256 amount) internal override {
        usdc.issue(to, amount);
    }

    // given a blocked party

    function test_blocked_buyers_refund_becomes_his_credit_until_he_is_unblocked() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        usdc.setBlocked(buyer, true);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentRefunded(id, 2, Status.Refunded, 0, AMOUNT, 4);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WithdrawFailed.selector, buyer, address(usdc), AMOUNT));
        escrow.withdraw(buyer, address(usdc), ALL);
        usdc.setBlocked(buyer, false);
        escrow.withdraw(buyer, address(usdc), ALL);
        assertEq(usdc.balanceOf(buyer), 10 * AMOUNT);
    }

    function test_blocked_buyers_reclaim_becomes_his_credit() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        usdc.setBlocked(buyer, true);
        vm.warp(START + DELIVERY_PERIOD);
        escrow.reclaim(terms);
        assertEq(escrow.creditOf(buyer, address(usdc)), AMOUNT);
    }

    function test_blocked_buyer_can_still_release_to_the_merchant() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        usdc.setBlocked(buyer, true);
        _release(terms, ALL);
        assertEq(usdc.balanceOf(merchant), 97.5e6);
    }

    function test_blocked_buyer_cannot_fund() public {
        Terms memory terms = tokenTerms();
        usdc.setBlocked(buyer, true);
        vm.prank(buyer);
        vm.expectRevert("Blacklistable: account is blacklisted");
        escrow.fund(terms, buyer);
    }

    function test_blocked_merchants_release_becomes_his_credit_and_the_fee_is_paid() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        usdc.setBlocked(merchant, true);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 97.5e6, 2.5e6, 1);
        _release(terms, ALL);
        assertEq(usdc.balanceOf(feeRecipient), 2.5e6);
        assertEq(escrow.creditOf(merchant, address(usdc)), 97.5e6);
    }

    function test_blocked_escrow_owes_everyone_and_coin_payments_go_on() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        fund(coinTerms());
        usdc.setBlocked(address(escrow), true);
        _release(terms, ALL);
        _release(coinTerms(), ALL);
        assertEq(merchant.balance, 97.5e6);
        assertEq(escrow.creditOf(merchant, address(usdc)), 97.5e6);
        assertEq(escrow.creditOf(feeRecipient, address(usdc)), 2.5e6);
        usdc.setBlocked(address(escrow), false);
        escrow.withdraw(merchant, address(usdc), ALL);
        escrow.withdraw(feeRecipient, address(usdc), ALL);
        assertEq(usdc.balanceOf(address(escrow)), 0);
    }

    // given a pause

    function test_paused_token_cannot_fund() public {
        Terms memory terms = tokenTerms();
        usdc.setPaused(true);
        vm.prank(buyer);
        vm.expectRevert("Pausable: paused");
        escrow.fund(terms, buyer);
    }

    function test_paused_token_turns_every_way_out_into_credits_that_are_paid_afterwards() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Disputed);
        usdc.setPaused(true);
        vm.expectEmit(address(escrow));
        emit IEscrow.DisputeResolved(id, 4, Status.Resolved, 0, 39e6, 1e6, 60e6, 7);
        vm.prank(arbiter);
        escrow.resolve(terms, 60e6, 40e6);
        usdc.setPaused(false);
        escrow.withdraw(buyer, address(usdc), ALL);
        escrow.withdraw(merchant, address(usdc), ALL);
        escrow.withdraw(feeRecipient, address(usdc), ALL);
        assertEq(usdc.balanceOf(buyer), 9 * AMOUNT + 60e6);
        assertEq(usdc.balanceOf(merchant), 39e6);
        assertEq(usdc.balanceOf(address(escrow)), 0);
    }

    /// @dev Circle's proxy can be given other code: here one without any, as after a botched upgrade.
    function test_token_whose_code_is_gone_harms_no_other_token() public {
        fund(tokenTerms());
        fund(coinTerms());
        vm.etch(address(usdc), "");
        vm.prank(buyer);
        vm.expectRevert();
        escrow.release(tokenTerms(), ALL);
        assertEq(escrow.heldOf(tokenTerms()), AMOUNT);
        _release(coinTerms(), ALL);
        assertEq(merchant.balance, 97.5e6);
    }
}

contract UsdtLikeTest is RealTokenTest {
    UsdtLikeToken internal usdt;

    function _deploy() internal override returns (address) {
        usdt = new UsdtLikeToken();
        return address(usdt);
    }

    function _issue(address to, uint256 amount) internal override {
        usdt.issue(to, amount);
    }

    function test_blocked_buyer_is_paid_all_the_same_for_only_senders_are_looked_up() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        usdt.setBlocked(buyer, true);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        assertEq(usdt.balanceOf(buyer), 10 * AMOUNT);
        assertEq(escrow.creditOf(buyer, address(usdt)), 0);
    }

    function test_blocked_escrow_owes_everyone_until_it_is_unblocked() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        usdt.setBlocked(address(escrow), true);
        _release(terms, ALL);
        assertEq(escrow.creditOf(merchant, address(usdt)), 97.5e6);
        usdt.setBlocked(address(escrow), false);
        escrow.withdraw(merchant, address(usdt), ALL);
        assertEq(usdt.balanceOf(merchant), 97.5e6);
    }

    function test_paused_token_makes_credits() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        usdt.setPaused(true);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        assertEq(escrow.creditOf(buyer, address(usdt)), AMOUNT);
        vm.expectRevert(abi.encodeWithSelector(IEscrow.WithdrawFailed.selector, buyer, address(usdt), AMOUNT));
        escrow.withdraw(buyer, address(usdt), ALL);
        usdt.setPaused(false);
        escrow.withdraw(buyer, address(usdt), ALL);
        assertEq(usdt.balanceOf(buyer), 10 * AMOUNT);
    }

    function test_fund_reverts_once_the_owner_has_switched_on_a_fee() public {
        Terms memory terms = tokenTerms();
        usdt.setFee(10);
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 99.9e6, AMOUNT));
        vm.prank(buyer);
        escrow.fund(terms, buyer);
    }

    /// @dev The fee comes out of what is sent, so the escrow's balance falls by just the amount: the payee bears it.
    function test_fee_switched_on_while_money_is_held_is_borne_by_the_payee_alone() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        terms.orderHash = keccak256("order 2");
        fund(terms);
        usdt.setFee(10);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        assertEq(usdt.balanceOf(buyer), 8 * AMOUNT + 99.9e6);
        assertEq(usdt.balanceOf(address(escrow)), AMOUNT);
        usdt.setFee(0);
        _release(tokenTerms(), ALL);
        assertEq(usdt.balanceOf(merchant), 97.5e6);
    }

    /// @dev The token's owner can take what the escrow holds; then its payments stay, and those of other tokens go on.
    function test_destroyed_balance_harms_no_other_token() public {
        fund(tokenTerms());
        fund(coinTerms());
        usdt.setBlocked(address(escrow), true);
        usdt.destroyBlackFunds(address(escrow));
        usdt.setBlocked(address(escrow), false);
        _release(tokenTerms(), ALL);
        assertEq(escrow.creditOf(merchant, address(usdt)), 97.5e6);
        _release(coinTerms(), ALL);
        assertEq(merchant.balance, 97.5e6);
    }
}

contract WethTest is RealTokenTest {
    using WethCounterpart for IWeth;

    IWeth internal weth;

    function _deploy() internal override returns (address) {
        weth = WethCounterpart.deploy();
        return address(weth);
    }

    function _issue(address to, uint256 amount) internal override {
        weth.issue(to, amount);
    }

    function test_wrapped_coin_is_held_apart_from_coin() public {
        fund(tokenTerms());
        fund(coinTerms());
        assertEq(weth.balanceOf(address(escrow)), AMOUNT);
        assertEq(address(escrow).balance, AMOUNT);
        _release(tokenTerms(), ALL);
        vm.prank(merchant);
        weth.withdraw(97.5e6);
        assertEq(merchant.balance, 97.5e6);
        assertEq(address(escrow).balance, AMOUNT);
    }
}

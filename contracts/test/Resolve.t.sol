// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {ElasticToken} from "./support/BadTokens.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract ResolveTest is EscrowTest {
    function _resolve(address caller, Terms memory terms, uint256 toBuyer, uint256 toMerchant) private {
        vm.prank(caller);
        escrow.resolve(terms, toBuyer, toMerchant);
    }

    function test_resolve_splits_with_the_fee_on_the_merchants_part(bool coin) public {
        Terms memory terms = termsIn(coin);
        uint256 before = balance(terms, buyer);
        bytes32 id = reach(terms, Status.Disputed);
        vm.warp(START + ARBITRATION_PERIOD - 1);
        vm.expectEmit(address(escrow));
        emit IEscrow.DisputeResolved(id, 4, Status.Resolved, 0, 39e6, 1e6, 60e6, 0);
        _resolve(arbiter, terms, 60e6, 40e6);
        assertEq(balance(terms, merchant), 39e6);
        assertEq(balance(terms, feeRecipient), 1e6);
        assertEq(balance(terms, buyer), before - 40e6);
        assertEq(balance(terms, arbiter), 0);
        assertState(id, Status.Resolved, START + ARBITRATION_PERIOD - 1, 4);
    }

    /// @dev Where a token's balance was taken away, this decides who is paid; no compiler may choose it.
    function test_resolve_pays_the_merchant_first() public {
        ElasticToken odd = new ElasticToken();
        odd.mint(buyer, AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), AMOUNT);
        Terms memory terms = withoutFee(tokenTerms());
        terms.token = address(odd);
        reach(terms, Status.Disputed);
        odd.setBalance(address(escrow), 50e6);
        _resolve(arbiter, terms, 50e6, 50e6);
        assertEq(odd.balanceOf(merchant), 50e6);
        assertEq(escrow.creditOf(buyer, address(odd)), 50e6);
    }

    function test_resolve_gives_one_side_everything() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Disputed);
        _resolve(arbiter, terms, 0, AMOUNT);
        assertEq(token.balanceOf(merchant), 97.5e6);
        terms.orderHash = keccak256("order 2");
        uint256 before = token.balanceOf(buyer);
        reach(terms, Status.Disputed);
        _resolve(arbiter, terms, AMOUNT, 0);
        assertEq(token.balanceOf(buyer), before);
    }

    function test_resolve_splits_what_partial_amounts_left_and_counts_the_fee_on() public {
        Terms memory terms = tokenTerms();
        terms.feeBps = 3_333;
        reach(terms, Status.Delivered);
        vm.prank(buyer);
        escrow.release(terms, 1);
        vm.prank(merchant);
        escrow.refund(terms, 50e6);
        openDispute(terms);
        _resolve(arbiter, terms, 0, 50e6 - 1);
        assertEq(token.balanceOf(feeRecipient), uint256(50e6) * 3_333 / 10_000);
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    /// @dev Terms may name him so, for all to see. His share is then the one that they fix, of the merchant's part alone.
    function test_arbiter_who_is_the_fee_recipient_gets_the_fee_and_no_more() public {
        Terms memory terms = tokenTerms();
        terms.feeRecipient = arbiter;
        uint256 before = token.balanceOf(buyer);
        reach(terms, Status.Disputed);
        _resolve(arbiter, terms, 60e6, 40e6);
        assertEq(token.balanceOf(merchant), 39e6);
        assertEq(token.balanceOf(arbiter), 1e6);
        assertEq(token.balanceOf(buyer), before - 40e6);
    }

    function test_resolve_reverts_when_the_sum_is_not_exact() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Disputed);
        uint256[2][5] memory wrong =
            [[uint256(0), 0], [AMOUNT, 1], [AMOUNT - 1, 0], [AMOUNT + 1, 0], [type(uint256).max, AMOUNT + 1]];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.PartsNotHeld.selector, wrong[i][0], wrong[i][1], AMOUNT));
            _resolve(arbiter, terms, wrong[i][0], wrong[i][1]);
        }
    }

    function test_resolve_reverts_for_anyone_but_the_arbiter() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Disputed);
        address[4] memory others = [buyer, merchant, operator, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.NotArbiter.selector, others[i]));
            _resolve(others[i], terms, AMOUNT, 0);
        }
    }

    function test_resolve_reverts_at_the_arbitration_periods_end() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Disputed);
        uint256 until = START + ARBITRATION_PERIOD;
        vm.warp(until);
        expectRevertWith(abi.encodeWithSelector(IEscrow.ResolveTooLate.selector, until, until));
        _resolve(arbiter, terms, AMOUNT, 0);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract ReleaseTest is EscrowTest {
    function _release(address caller, Terms memory terms, uint256 amount) private {
        vm.prank(caller);
        escrow.release(terms, amount);
    }

    // given the buyer

    function test_release_pays_merchant_and_fee(bool coin) public {
        Terms memory terms = termsIn(coin);
        bytes32 id = fund(terms);
        vm.warp(START + 9);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 97.5e6, 2.5e6, 0);
        _release(buyer, terms, ALL);
        assertEq(balance(terms, merchant), 97.5e6);
        assertEq(balance(terms, feeRecipient), 2.5e6);
        assertEq(balance(terms, address(escrow)), 0);
        assertState(id, Status.Released, START + 9, 2);
    }

    function test_release_without_fee_pays_the_merchant_everything(bool coin) public {
        Terms memory terms = withoutFee(termsIn(coin));
        fund(terms);
        _release(buyer, terms, AMOUNT);
        assertEq(balance(terms, merchant), AMOUNT);
    }

    function test_release_by_the_buyer_works_in_every_status_that_holds_money() public {
        Status[3] memory holding = [Status.Funded, Status.Delivered, Status.Disputed];
        for (uint256 i = 0; i < holding.length; ++i) {
            Terms memory terms = tokenTerms();
            terms.orderHash = bytes32(i);
            bytes32 id = reach(terms, holding[i]);
            _release(buyer, terms, ALL);
            assertState(id, Status.Released, START, i + 2);
        }
    }

    function test_release_of_a_part_leaves_status_and_time() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.warp(START + 100);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Funded, 60e6, 39e6, 1e6, 0);
        _release(buyer, terms, 40e6);
        assertState(id, Status.Funded, START, 2);
        assertEq(escrow.heldOf(terms), 60e6);
    }

    function test_release_of_the_last_unit_names_the_final_status() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        _release(buyer, terms, AMOUNT - 1);
        assertState(id, Status.Funded, START, 2);
        _release(buyer, terms, 1);
        assertState(id, Status.Released, START, 3);
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    function test_release_reverts_when_the_amount_is_zero() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        expectRevertWith(abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 0));
        _release(buyer, terms, 0);
    }

    function test_release_reverts_when_more_than_held_is_asked_for() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        _release(buyer, terms, 40e6);
        expectRevertWith(abi.encodeWithSelector(IEscrow.AmountExceedsHeld.selector, 60e6 + 1, 60e6));
        _release(buyer, terms, 60e6 + 1);
    }

    function test_release_of_a_part_reverts_while_disputed() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Disputed);
        expectRevertWith(abi.encodeWithSelector(IEscrow.OnlyWholeWhileDisputed.selector, AMOUNT - 1, AMOUNT));
        _release(buyer, terms, AMOUNT - 1);
        _release(buyer, terms, AMOUNT);
        assertState(id, Status.Released, START, 4);
    }

    // given anyone else

    function test_release_by_anyone_reverts_the_second_before_the_windows_end() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Delivered);
        uint256 from = START + DISPUTE_WINDOW;
        vm.warp(from - 1);
        expectRevertWith(abi.encodeWithSelector(IEscrow.ReleaseTooEarly.selector, from - 1, from));
        _release(stranger, terms, ALL);
    }

    function test_release_by_anyone_works_at_the_windows_end() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Delivered);
        vm.warp(START + DISPUTE_WINDOW);
        _release(stranger, terms, ALL);
        assertEq(token.balanceOf(merchant), 97.5e6);
        assertEq(token.balanceOf(stranger), 0);
    }

    function test_release_by_anyone_after_partial_amounts_pays_the_rest() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Delivered);
        _release(buyer, terms, 30e6);
        vm.warp(START + DISPUTE_WINDOW);
        _release(stranger, terms, 70e6);
        assertEq(token.balanceOf(merchant), 97.5e6);
    }

    function test_release_of_a_part_by_anyone_reverts() public {
        Terms memory terms = tokenTerms();
        reach(terms, Status.Delivered);
        vm.warp(START + DISPUTE_WINDOW);
        uint256[2] memory wrong = [AMOUNT - 1, AMOUNT + 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.NotBuyer.selector, stranger));
            _release(stranger, terms, wrong[i]);
        }
    }

    function test_release_by_others_reverts_while_funded_or_disputed() public {
        Terms memory terms = tokenTerms();
        address[4] memory others = [merchant, operator, arbiter, stranger];
        fund(terms);
        for (uint256 round = 0; round < 2; ++round) {
            vm.warp(block.timestamp + 1 days);
            for (uint256 i = 0; i < others.length; ++i) {
                expectRevertWith(abi.encodeWithSelector(IEscrow.NotBuyer.selector, others[i]));
                _release(others[i], terms, ALL);
            }
            if (round == 0) {
                confirm(terms);
                openDispute(terms);
            }
        }
    }

    // given the fee

    function test_fee_is_rounded_down_in_the_merchants_favour() public {
        Terms memory terms = tokenTerms();
        (terms.amount, terms.feeBps) = (39, 250); // 0.975 of a unit
        fund(terms);
        _release(buyer, terms, ALL);
        assertEq(token.balanceOf(merchant), 39);
        assertEq(token.balanceOf(feeRecipient), 0);
    }

    function test_fee_of_everything_leaves_the_merchant_nothing() public {
        Terms memory terms = tokenTerms();
        terms.feeBps = 10_000;
        fund(terms);
        _release(buyer, terms, ALL);
        assertEq(token.balanceOf(feeRecipient), AMOUNT);
        assertEq(token.balanceOf(merchant), 0);
    }

    function test_fee_cannot_be_dodged_by_slicing(uint128 amount, uint16 bps, uint256[6] memory cuts) public {
        Terms memory terms = tokenTerms();
        (terms.amount, terms.feeBps) = (bound(amount, 1, type(uint128).max), uint16(bound(bps, 1, 10_000)));
        token.mint(buyer, terms.amount);
        fund(terms);
        for (uint256 i = 0; i < cuts.length && escrow.heldOf(terms) > 1; ++i) {
            _release(buyer, terms, bound(cuts[i], 1, escrow.heldOf(terms) - 1));
        }
        _release(buyer, terms, ALL);
        assertEq(token.balanceOf(feeRecipient), terms.amount * terms.feeBps / 10_000);
        assertEq(token.balanceOf(merchant), terms.amount - token.balanceOf(feeRecipient));
    }

    function test_fee_is_taken_on_what_is_released_only() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        vm.prank(merchant);
        escrow.refund(terms, 60e6);
        _release(buyer, terms, ALL);
        assertEq(token.balanceOf(feeRecipient), 1e6);
        assertEq(token.balanceOf(merchant), 39e6);
    }
}

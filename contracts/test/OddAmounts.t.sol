// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {DecimalsToken, NothingIsTooLittleToken, OddToken} from "./support/BadTokens.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract OddAmountsTest is EscrowTest {
    uint256 private constant MOST = type(uint128).max;

    function _terms(OddToken odd, uint256 amount) private returns (Terms memory terms) {
        odd.mint(buyer, amount);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        terms = tokenTerms();
        (terms.token, terms.amount) = (address(odd), amount);
    }

    function _release(Terms memory terms, uint256 amount) private {
        vm.prank(buyer);
        escrow.release(terms, amount);
    }

    // given a token that refuses to move nothing

    function test_fee_that_rounds_to_nothing_is_not_sent() public {
        NothingIsTooLittleToken odd = new NothingIsTooLittleToken();
        Terms memory terms = _terms(odd, 39); // 2.5 per cent of it are less than one unit
        bytes32 id = fund(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 39, 0, 0);
        _release(terms, ALL);
        assertEq(odd.balanceOf(merchant), 39);
    }

    function test_merchant_who_is_left_nothing_by_the_fee_is_sent_nothing() public {
        NothingIsTooLittleToken odd = new NothingIsTooLittleToken();
        Terms memory terms = _terms(odd, 10);
        terms.feeBps = 10_000;
        bytes32 id = fund(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 0, 10, 0);
        _release(terms, ALL);
        assertEq(odd.balanceOf(feeRecipient), 10);
    }

    function test_one_sided_resolutions_send_nothing_to_the_other_side() public {
        for (uint256 toBuyer = 0; toBuyer <= AMOUNT; toBuyer += AMOUNT) {
            NothingIsTooLittleToken odd = new NothingIsTooLittleToken();
            Terms memory terms = withoutFee(_terms(odd, AMOUNT));
            reach(terms, Status.Disputed);
            vm.prank(arbiter);
            escrow.resolve(terms, toBuyer, AMOUNT - toBuyer);
            assertEq(odd.balanceOf(buyer), toBuyer);
            assertEq(odd.balanceOf(merchant), AMOUNT - toBuyer);
            assertEq(escrow.creditOf(buyer, address(odd)) + escrow.creditOf(merchant, address(odd)), 0);
        }
    }

    // given units of any size

    function test_decimals_are_nothing_to_the_escrow() public {
        uint8[5] memory decimals = [0, 2, 18, 24, 36];
        for (uint256 i = 0; i < decimals.length; ++i) {
            DecimalsToken odd = new DecimalsToken(decimals[i]);
            uint256 amount = 40 * 10 ** decimals[i];
            Terms memory terms = _terms(odd, amount);
            fund(terms);
            _release(terms, ALL);
            assertEq(odd.balanceOf(merchant), amount - amount / 40);
            assertEq(odd.balanceOf(feeRecipient), amount / 40);
        }
    }

    // given the greatest amount

    function test_greatest_amount_goes_out_in_parts_to_the_last_unit(uint256 part, uint16 feeBps) public {
        DecimalsToken odd = new DecimalsToken(18);
        Terms memory terms = _terms(odd, MOST);
        terms.feeBps = uint16(bound(feeBps, 1, 10_000));
        part = bound(part, 1, MOST - 2);
        fund(terms);
        _release(terms, part);
        vm.prank(merchant);
        escrow.refund(terms, 1);
        _release(terms, ALL);
        assertEq(odd.balanceOf(feeRecipient), (MOST - 1) * terms.feeBps / 10_000);
        assertEq(odd.balanceOf(merchant), MOST - 1 - (MOST - 1) * terms.feeBps / 10_000);
        assertEq(odd.balanceOf(buyer), 1);
    }

    function test_escrow_that_somebody_stuffed_with_tokens_still_takes_and_pays() public {
        DecimalsToken odd = new DecimalsToken(18);
        Terms memory terms = _terms(odd, MOST);
        odd.mint(address(escrow), type(uint256).max - MOST);
        fund(terms);
        assertEq(odd.balanceOf(address(escrow)), type(uint256).max);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        assertEq(odd.balanceOf(buyer), MOST);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Terms} from "../src/IEscrow.sol";
import {
    BlocklistToken,
    FeeOnTransferToken,
    OddToken,
    OddlyAnsweringToken,
    RebasingToken
} from "./support/BadTokens.sol";
import {RepayingTest} from "./support/RepayingTest.sol";

/// @notice Repaying with tokens that misbehave: what is repaid never passes through the escrow.
contract BadRepaymentsTest is RepayingTest {
    function _released(OddToken odd) private returns (Terms memory terms) {
        odd.mint(buyer, AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        terms = tokenTerms();
        terms.token = address(odd);
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        furnish(terms, 2 * AMOUNT);
    }

    function test_repay_reverts_when_the_token_keeps_a_fee() public {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        odd.setOnlyFrom(merchant);
        Terms memory terms = _released(odd);
        expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 99e6, AMOUNT));
        repayOut(terms, ALL, 0);
    }

    function test_repay_believes_the_balance_whatever_the_token_says() public {
        for (uint8 i = 0; i < 4; ++i) {
            OddlyAnsweringToken odd = new OddlyAnsweringToken();
            Terms memory terms = _released(odd);
            odd.setAnswer(OddlyAnsweringToken.Answer(i));
            bool moves = i < 2;
            if (!moves) expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 0, 40e6));
            repayOut(terms, 40e6, 0);
            assertEq(odd.balanceOf(buyer), moves ? 40e6 : 0);
            assertEq(escrow.stateOf(escrow.idOf(terms)).seq, moves ? 3 : 2);
        }
    }

    function test_repay_reverts_when_the_buyers_balance_is_rebased_in_the_call() public {
        RebasingToken odd = new RebasingToken();
        Terms memory terms = _released(odd);
        int256[2] memory changes = [int256(1), -1];
        for (uint256 i = 0; i < changes.length; ++i) {
            odd.setChange(buyer, changes[i]);
            uint256 after_ = uint256(int256(AMOUNT) + changes[i]);
            expectRevertWith(abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, after_, AMOUNT));
            repayOut(terms, ALL, 0);
        }
    }

    function test_repay_to_a_blocked_buyer_reverts_and_can_be_tried_again() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _released(odd);
        odd.setBlocked(buyer, true);
        vm.expectRevert(abi.encodeWithSelector(BlocklistToken.Blocked.selector, buyer));
        repayOut(terms, ALL, 0);
        odd.setBlocked(buyer, false);
        repayOut(terms, ALL, 0);
        assertEq(odd.balanceOf(buyer), AMOUNT);
        assertEq(escrow.creditOf(buyer, address(odd)), 0);
    }

    function test_repay_works_while_the_escrow_is_blocked() public {
        BlocklistToken odd = new BlocklistToken();
        Terms memory terms = _released(odd);
        odd.setBlocked(address(escrow), true);
        repayOut(terms, ALL, 0);
        assertEq(odd.balanceOf(buyer), AMOUNT);
    }

    function test_repay_reverts_when_the_token_has_lost_its_code() public {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        odd.setOnlyFrom(stranger);
        Terms memory terms = _released(odd);
        vm.etch(address(odd), "");
        expectRevertWith(abi.encodeWithSelector(IEscrow.TokenHasNoCode.selector, address(odd)));
        repayOut(terms, ALL, 0);
    }
}

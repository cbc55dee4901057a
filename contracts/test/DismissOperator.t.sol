// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Item, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract DismissOperatorTest is EscrowTest {
    function _dismiss(address merchant_, address operator_) private {
        vm.prank(merchant_);
        escrow.dismissOperator(operator_);
    }

    function _reason() private view returns (bytes memory) {
        return abi.encodeWithSelector(IEscrow.OperatorIsDismissed.selector, merchant, operator);
    }

    function test_dismissOperator_is_told_and_remembered() public {
        vm.expectEmit(address(escrow));
        emit IEscrow.OperatorDismissed(merchant, operator);
        _dismiss(merchant, operator);
        assertTrue(escrow.isDismissed(merchant, operator));
        _dismiss(merchant, operator);
        assertTrue(escrow.isDismissed(merchant, operator), "once more changes nothing");
    }

    // given a dismissed operator

    function test_dismissed_operator_can_confirm_nothing() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        _dismiss(merchant, operator);
        expectRevertWith(_reason());
        vm.prank(operator);
        escrow.confirmDelivery(terms);
        expectRevertWith(_reason());
        vm.prank(operator);
        escrow.confirmDeliveryMany(terms, new Item[](0));
        assertState(id, Status.Funded, START, 1);
    }

    function test_dismissed_operator_can_refund_nothing_in_any_status() public {
        Status[3] memory holding = [Status.Funded, Status.Delivered, Status.Disputed];
        _dismiss(merchant, operator);
        for (uint256 i = 0; i < holding.length; ++i) {
            Terms memory terms = another(tokenTerms(), i);
            reach(terms, holding[i]);
            uint256[2] memory amounts = [uint256(1), ALL];
            for (uint256 j = 0; j < amounts.length; ++j) {
                expectRevertWith(_reason());
                vm.prank(operator);
                escrow.refund(terms, amounts[j]);
            }
        }
    }

    function test_dismissal_holds_for_payments_funded_afterwards() public {
        _dismiss(merchant, operator);
        Terms memory terms = tokenTerms();
        fund(terms);
        expectRevertWith(_reason());
        vm.prank(operator);
        escrow.confirmDelivery(terms);
    }

    // given the others

    function test_merchant_acts_as_before() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        _dismiss(merchant, operator);
        confirm(terms);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        assertEq(escrow.heldOf(terms), 0);
    }

    function test_merchant_who_dismisses_himself_as_operator_acts_as_before() public {
        Terms memory terms = tokenTerms();
        terms.operator = merchant;
        bytes32 id = fund(terms);
        _dismiss(merchant, merchant);
        confirm(terms);
        assertState(id, Status.Delivered, START, 2);
    }

    function test_operator_goes_on_for_other_merchants_and_other_operators_for_this_one() public {
        address other = makeAddr("another merchant");
        _dismiss(other, operator);
        _dismiss(merchant, stranger);
        _dismiss(operator, merchant);
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.prank(operator);
        escrow.confirmDelivery(terms);
        assertState(id, Status.Delivered, START, 2);
    }

    function test_nobody_else_can_dismiss_a_merchants_operator() public {
        address[4] memory others = [buyer, operator, arbiter, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            _dismiss(others[i], operator);
        }
        assertFalse(escrow.isDismissed(merchant, operator));
        Terms memory terms = tokenTerms();
        fund(terms);
        vm.prank(operator);
        escrow.refund(terms, ALL);
        assertEq(escrow.heldOf(terms), 0);
    }

    function test_stranger_who_is_dismissed_is_still_told_that_he_is_no_operator() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        _dismiss(merchant, stranger);
        expectRevertWith(abi.encodeWithSelector(IEscrow.NotMerchantOrOperator.selector, stranger));
        vm.prank(stranger);
        escrow.refund(terms, ALL);
    }
}

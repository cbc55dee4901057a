// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IEscrow, Item, Status, Terms} from "../src/IEscrow.sol";
import {RevertingReceiver} from "./support/BadReceivers.sol";
import {BlocklistToken} from "./support/BadTokens.sol";
import {BatchTest} from "./support/BatchTest.sol";

contract ConfirmDeliveryManyTest is BatchTest {
    function _confirmMany(address caller, Terms memory common, Terms[] memory payments) private {
        Item[] memory items = itemsOf(payments);
        vm.prank(caller);
        escrow.confirmDeliveryMany(common, items);
    }

    function _expectConfirmed(Terms memory terms, uint48 seq, uint256 held) private {
        bytes32 id = escrow.idOf(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.DeliveryConfirmed(id, seq, Status.Delivered, held);
    }

    // given payments that may all be confirmed

    function test_confirmDeliveryMany_opens_every_window_and_moves_nothing(bool byOperator) public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 3);
        reachAll(payments, Status.Funded);
        vm.warp(START + 5);
        for (uint256 i = 0; i < 3; ++i) {
            _expectConfirmed(payments[i], 2, AMOUNT);
        }
        vm.recordLogs();
        _confirmMany(byOperator ? operator : merchant, common, payments);
        assertEq(vm.getRecordedLogs().length, 3);
        for (uint256 i = 0; i < 3; ++i) {
            assertState(escrow.idOf(payments[i]), Status.Delivered, START + 5, 2);
        }
        assertEq(token.balanceOf(address(escrow)), 3 * AMOUNT);
    }

    function test_confirmDeliveryMany_tells_what_partial_amounts_left() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 2);
        reachAll(payments, Status.Funded);
        vm.prank(buyer);
        escrow.release(payments[0], 10e6);
        vm.prank(merchant);
        escrow.refund(payments[0], 5e6);
        _expectConfirmed(payments[0], 4, 85e6);
        _expectConfirmed(payments[1], 2, AMOUNT);
        _confirmMany(merchant, common, payments);
        assertEq(escrow.heldOf(payments[0]), 85e6);
    }

    function test_confirmDeliveryMany_reads_items_of_different_buyers_amounts_and_deadlines() public {
        Terms[] memory payments = orders(tokenTerms(), 3);
        (payments[0].buyer, payments[0].amount) = (makeAddr("buyer 1"), 40e6);
        (payments[1].buyer, payments[1].payBy) = (address(0), uint40(START + 5));
        reachAll(payments, Status.Funded);
        _expectConfirmed(payments[0], 2, 40e6);
        _expectConfirmed(payments[1], 2, AMOUNT);
        _expectConfirmed(payments[2], 2, AMOUNT);
        _confirmMany(merchant, withoutOwnTerms(tokenTerms()), payments);
    }

    function test_confirmDeliveryMany_of_none_does_nothing() public {
        vm.recordLogs();
        vm.startPrank(merchant);
        escrow.confirmDeliveryMany(tokenTerms(), new Item[](0));
        escrow.confirmDeliveryMany(withoutDispute(tokenTerms()), new Item[](0));
        assertEq(vm.getRecordedLogs().length, 0);
    }

    function test_confirmDeliveryMany_of_fifty() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 50);
        reachAll(payments, Status.Funded);
        _confirmMany(operator, common, payments);
        for (uint256 i = 0; i < 50; ++i) {
            assertState(escrow.idOf(payments[i]), Status.Delivered, START, 2);
        }
    }

    // given someone else than the merchant or the operator: nothing is skipped, everything reverts

    function test_confirmDeliveryMany_reverts_for_anyone_else() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 1);
        reachAll(payments, Status.Funded);
        Item[] memory items = itemsOf(payments);
        address[4] memory others = [buyer, arbiter, feeRecipient, stranger];
        for (uint256 i = 0; i < others.length; ++i) {
            bytes memory reason = abi.encodeWithSelector(IEscrow.NotMerchantOrOperator.selector, others[i]);
            expectRevertWith(reason);
            vm.prank(others[i]);
            escrow.confirmDeliveryMany(common, items);
            expectRevertWith(reason);
            vm.prank(others[i]);
            escrow.confirmDeliveryMany(common, new Item[](0));
        }
    }

    /// @dev Whoever puts himself in as the merchant or the operator has other ids.
    function test_confirmDeliveryMany_under_terms_of_ones_own_skips_others_payments() public {
        Terms[] memory payments = orders(tokenTerms(), 1);
        reachAll(payments, Status.Funded);
        Item[] memory items = itemsOf(payments);
        for (uint256 i = 0; i < 2; ++i) {
            Terms memory own = another(payments[0], 1);
            if (i == 0) own.merchant = stranger;
            else own.operator = stranger;
            expectSkipped(own, 0, IEscrow.NotFunded.selector);
            vm.prank(stranger);
            escrow.confirmDeliveryMany(own, items);
        }
        assertState(escrow.idOf(payments[0]), Status.Funded, START, 1);
    }

    // given items that may not be confirmed

    function test_confirmDeliveryMany_skips_every_status_but_funded() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 9);
        for (uint8 s = 0; s < 9; ++s) {
            payments[s].payBy = uint40(START + 100 days);
            if (s != uint8(Status.Funded)) reach(payments[s], Status(s));
        }
        fund(payments[1]);
        for (uint8 s = 0; s < 9; ++s) {
            if (s == uint8(Status.Funded)) continue;
            expectSkipped(payments[s], s, s == 0 ? IEscrow.NotFunded.selector : IEscrow.WrongStatus.selector);
        }
        _expectConfirmed(payments[1], 2, AMOUNT);
        _confirmMany(merchant, common, payments);
    }

    function test_confirmDeliveryMany_skips_at_the_periods_end_and_not_the_second_before() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 2);
        fund(payments[0]);
        vm.warp(START + 1);
        fund(payments[1]);
        vm.warp(START + DELIVERY_PERIOD);
        expectSkipped(payments[0], 0, IEscrow.ConfirmTooLate.selector);
        _expectConfirmed(payments[1], 2, AMOUNT);
        _confirmMany(merchant, common, payments);
        assertState(escrow.idOf(payments[0]), Status.Funded, START, 1);
    }

    function test_confirmDeliveryMany_skips_the_second_of_two_equal_items(bool window) public {
        Terms memory common = window ? tokenTerms() : withoutDispute(tokenTerms());
        Terms[] memory payments = orders(common, 2);
        payments[1] = payments[0];
        bytes32 id = fund(payments[0]);
        expectSkipped(payments[0], 1, IEscrow.WrongStatus.selector);
        _expectConfirmed(payments[0], 2, AMOUNT);
        _confirmMany(merchant, common, payments);
        assertState(id, window ? Status.Delivered : Status.Released, START, window ? 2 : 3);
        assertEq(token.balanceOf(address(escrow)), window ? AMOUNT : 0);
    }

    function test_confirmDeliveryMany_skips_items_with_other_words_of_their_own() public {
        Terms[] memory payments = orders(tokenTerms(), 4);
        bytes32 id = fund(payments[0]);
        Terms memory good = payments[0];
        for (uint256 i = 0; i < 4; ++i) {
            payments[i] = another(good, uint256(good.orderHash));
        }
        payments[0].buyer = stranger;
        payments[1].amount -= 1;
        payments[2].payBy -= 1;
        payments[3].orderHash = bytes32(0);
        for (uint256 i = 0; i < 4; ++i) {
            expectSkipped(payments[i], i, IEscrow.NotFunded.selector);
        }
        _confirmMany(merchant, good, payments);
        assertState(id, Status.Funded, START, 1);
    }

    // given a window of zero: confirming releases in the same tx

    function test_confirmDeliveryMany_releases_at_once_when_the_window_is_zero(bool coin) public {
        Terms memory common = withoutDispute(termsIn(coin));
        Terms[] memory payments = orders(common, 3);
        reachAll(payments, Status.Funded);
        vm.warp(START + 6);
        for (uint256 i = 0; i < 3; ++i) {
            _expectConfirmed(payments[i], 2, AMOUNT);
        }
        for (uint256 i = 0; i < 3; ++i) {
            expectReleased(payments[i], 3, 97.5e6, 2.5e6, 0);
        }
        vm.recordLogs();
        _confirmMany(operator, common, payments);
        assertEq(kindsOf(vm.getRecordedLogs()).length, 6);
        assertEq(balance(common, merchant), 292.5e6);
        assertEq(balance(common, feeRecipient), 7.5e6);
        assertEq(balance(common, address(escrow)), 0);
        for (uint256 i = 0; i < 3; ++i) {
            assertState(escrow.idOf(payments[i]), Status.Released, START + 6, 3);
        }
    }

    function test_confirmDeliveryMany_with_a_window_of_zero_pushes_once_to_each_payee() public {
        Terms memory common = withoutDispute(tokenTerms());
        Terms[] memory payments = orders(common, 4);
        fund(payments[0]);
        fund(payments[3]);
        vm.recordLogs();
        _confirmMany(merchant, common, payments);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(transfersTo(logs, address(token), merchant), 1);
        assertEq(transfersTo(logs, address(token), feeRecipient), 1);
        bytes32[6] memory story = [
            IEscrow.ItemSkipped.selector,
            IEscrow.ItemSkipped.selector,
            IEscrow.DeliveryConfirmed.selector,
            IEscrow.DeliveryConfirmed.selector,
            IEscrow.PaymentReleased.selector,
            IEscrow.PaymentReleased.selector
        ];
        bytes32[] memory kinds = kindsOf(logs);
        assertEq(kinds.length, 6);
        for (uint256 i = 0; i < 6; ++i) {
            assertEq(kinds[i], story[i]);
        }
    }

    function test_confirmDeliveryMany_with_a_window_of_zero_counts_the_fee_on() public {
        Terms memory common = withoutDispute(tokenTerms());
        (common.amount, common.feeBps) = (101, 3_333);
        Terms[] memory payments = orders(common, 1);
        fund(payments[0]);
        vm.prank(buyer);
        escrow.release(payments[0], 2);
        expectReleased(payments[0], 4, 99 - 33, 33, 0);
        _confirmMany(merchant, common, payments);
    }

    /// @dev He could release it as the buyer; but that is not what he said.
    function test_confirmDeliveryMany_leaves_alone_what_it_skips_even_where_the_operator_is_the_buyer() public {
        Terms memory common = withoutDispute(tokenTerms());
        common.operator = buyer;
        Terms[] memory payments = orders(common, 2);
        bytes32 late = fund(payments[0]);
        vm.warp(START + 1);
        fund(payments[1]);
        vm.warp(START + DELIVERY_PERIOD);
        expectSkipped(payments[0], 0, IEscrow.ConfirmTooLate.selector);
        _expectConfirmed(payments[1], 2, AMOUNT);
        expectReleased(payments[1], 3, 97.5e6, 2.5e6, 0);
        _confirmMany(buyer, common, payments);
        assertState(late, Status.Funded, START, 1);
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
    }

    function test_confirmDeliveryMany_credits_a_merchant_who_takes_no_coin() public {
        Terms memory common = withoutDispute(coinTerms());
        common.merchant = address(new RevertingReceiver());
        Terms[] memory payments = orders(common, 2);
        reachAll(payments, Status.Funded);
        for (uint256 i = 0; i < 2; ++i) {
            expectReleased(payments[i], 3, 97.5e6, 2.5e6, 1);
        }
        _confirmMany(operator, common, payments);
        assertEq(escrow.creditOf(common.merchant, address(0)), 195e6);
        assertEq(feeRecipient.balance, 5e6);
    }

    function test_confirmDeliveryMany_credits_a_blocked_fee_recipient() public {
        BlocklistToken odd = new BlocklistToken();
        odd.mint(buyer, 10 * AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        Terms memory common = withoutDispute(tokenTerms());
        common.token = address(odd);
        Terms[] memory payments = orders(common, 2);
        payments[0].amount = 39;
        reachAll(payments, Status.Funded);
        odd.setBlocked(feeRecipient, true);
        expectReleased(payments[0], 3, 39, 0, 0);
        expectReleased(payments[1], 3, 97.5e6, 2.5e6, 2);
        _confirmMany(merchant, common, payments);
        assertEq(odd.balanceOf(merchant), 97.5e6 + 39);
    }

    // given dice: the batch does what its verbs do one by one

    function test_confirmDeliveryMany_equals_its_verbs_one_by_one(uint256 dice, bool coin, bool window) public {
        Terms memory common = window ? termsIn(coin) : withoutDispute(termsIn(coin));
        common.feeBps = uint16(1 + dice % 10_000);
        common.deliveryPeriod = 5 days;
        if (coin && dice % 3 == 0) common.merchant = address(new RevertingReceiver());
        Terms[] memory payments = diced(common, 8, dice);
        bytes[] memory verbs = new bytes[](payments.length);
        for (uint256 i = 0; i < verbs.length; ++i) {
            verbs[i] = abi.encodeCall(IEscrow.confirmDelivery, (payments[i]));
        }
        uint256 clean = vm.snapshotState();
        vm.recordLogs();
        bytes4[] memory refusals = oneByOne(common.merchant, verbs);
        Seen memory seen = look(payments);
        vm.revertToState(clean);
        vm.recordLogs();
        _confirmMany(common.merchant, common, payments);
        assertSame(seen, refusals, payments);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {IEscrow, Item, Status, Terms} from "../src/IEscrow.sol";
import {RevertingReceiver} from "./support/BadReceivers.sol";
import {BlocklistToken} from "./support/BadTokens.sol";
import {BatchTest} from "./support/BatchTest.sol";

contract ReleaseManyTest is BatchTest {
    function _releaseMany(address caller, Terms memory common, Terms[] memory payments) private {
        Item[] memory items = itemsOf(payments);
        vm.prank(caller);
        escrow.releaseMany(common, items);
    }

    // given payments that may all be released

    function test_releaseMany_by_the_buyer_releases_everything(bool coin) public {
        Terms memory common = termsIn(coin);
        Terms[] memory payments = orders(common, 3);
        reachAll(payments, Status.Funded);
        vm.warp(START + 8);
        for (uint256 i = 0; i < 3; ++i) {
            expectReleased(payments[i], 2, 97.5e6, 2.5e6, 0);
        }
        _releaseMany(buyer, common, payments);
        for (uint256 i = 0; i < 3; ++i) {
            assertState(escrow.idOf(payments[i]), Status.Released, START + 8, 2);
            assertEq(escrow.heldOf(payments[i]), 0);
        }
        assertEq(balance(common, merchant), 292.5e6);
        assertEq(balance(common, feeRecipient), 7.5e6);
        assertEq(balance(common, address(escrow)), 0);
    }

    function test_releaseMany_pushes_tokens_once_to_each_payee() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 5);
        reachAll(payments, Status.Funded);
        vm.recordLogs();
        _releaseMany(buyer, common, payments);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(transfersTo(logs, address(token), merchant), 1);
        assertEq(transfersTo(logs, address(token), feeRecipient), 1);
        assertEq(logs.length, 2 + 5);
        assertEq(kindsOf(logs).length, 5);
    }

    function test_releaseMany_pushes_coin_once_to_each_payee() public {
        Terms memory common = coinTerms();
        Terms[] memory payments = orders(common, 5);
        reachAll(payments, Status.Funded);
        vm.expectCall(merchant, 487.5e6, "", 1);
        vm.expectCall(feeRecipient, 12.5e6, "", 1);
        _releaseMany(buyer, common, payments);
    }

    function test_releaseMany_by_anyone_from_the_windows_end() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 3);
        reachAll(payments, Status.Delivered);
        vm.warp(START + DISPUTE_WINDOW);
        _releaseMany(stranger, common, payments);
        assertEq(token.balanceOf(merchant), 292.5e6);
        assertEq(token.balanceOf(stranger), 0);
    }

    /// @dev An id stays what it was when a fork of the chain changes the live chain id.
    function test_releaseMany_finds_its_payments_on_the_other_side_of_a_fork() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 2);
        reachAll(payments, Status.Delivered);
        vm.chainId(10_001);
        vm.warp(START + DISPUTE_WINDOW);
        _releaseMany(stranger, common, payments);
        assertEq(token.balanceOf(merchant), 195e6);
    }

    function test_releaseMany_reads_items_of_different_buyers_amounts_and_deadlines() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 3);
        (payments[0].buyer, payments[0].amount) = (makeAddr("buyer 1"), 40e6);
        (payments[1].buyer, payments[1].payBy) = (address(0), uint40(START + 5));
        payments[2].payBy = uint40(START + 3 days);
        reachAll(payments, Status.Delivered);
        vm.warp(START + DISPUTE_WINDOW);
        expectReleased(payments[0], 3, 39e6, 1e6, 0);
        expectReleased(payments[1], 3, 97.5e6, 2.5e6, 0);
        expectReleased(payments[2], 3, 97.5e6, 2.5e6, 0);
        _releaseMany(stranger, common, payments);
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    function test_releaseMany_does_not_read_what_items_say_for_themselves_from_the_common_terms() public {
        Terms[] memory payments = orders(tokenTerms(), 2);
        reachAll(payments, Status.Funded);
        _releaseMany(buyer, withoutOwnTerms(tokenTerms()), payments);
        assertEq(token.balanceOf(merchant), 195e6);
    }

    function test_releaseMany_of_none_does_nothing() public {
        fund(another(tokenTerms(), 1));
        vm.recordLogs();
        escrow.releaseMany(tokenTerms(), new Item[](0));
        escrow.releaseMany(coinTerms(), new Item[](0));
        assertEq(vm.getRecordedLogs().length, 0);
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
        assertEq(escrow.creditOf(merchant, address(token)) + escrow.creditOf(feeRecipient, address(token)), 0);
        assertEq(escrow.creditOf(merchant, address(0)) + escrow.creditOf(feeRecipient, address(0)), 0);
    }

    function test_releaseMany_of_fifty(bool coin) public {
        Terms memory common = termsIn(coin);
        Terms[] memory payments = orders(common, 50);
        for (uint256 i = 0; i < 50; ++i) {
            payments[i].amount = AMOUNT + i;
            fund(payments[i]);
        }
        _releaseMany(buyer, common, payments);
        assertEq(balance(common, merchant) + balance(common, feeRecipient), 50 * AMOUNT + 1225);
        for (uint256 i = 0; i < 50; ++i) {
            assertState(escrow.idOf(payments[i]), Status.Released, START, 2);
        }
    }

    function test_releaseMany_adds_up_more_than_one_payment_could_hold() public {
        Terms memory common = withoutFee(tokenTerms());
        common.amount = type(uint128).max;
        token.mint(buyer, 3 * common.amount);
        Terms[] memory payments = orders(common, 3);
        reachAll(payments, Status.Funded);
        _releaseMany(buyer, common, payments);
        assertEq(token.balanceOf(merchant), 3 * common.amount);
    }

    // given the fee

    function test_fees_are_rounded_for_each_payment_not_for_the_sum() public {
        Terms memory common = tokenTerms();
        common.amount = 39; // 0.975 of a unit each
        Terms[] memory payments = orders(common, 3);
        reachAll(payments, Status.Funded);
        vm.recordLogs();
        _releaseMany(buyer, common, payments);
        assertEq(token.balanceOf(merchant), 117);
        assertEq(transfersTo(vm.getRecordedLogs(), address(token), feeRecipient), 0, "nothing is not sent");
    }

    function test_fees_count_on_from_what_was_released_before() public {
        Terms memory common = tokenTerms();
        (common.amount, common.feeBps) = (101, 3_333);
        Terms[] memory payments = orders(common, 2);
        reachAll(payments, Status.Funded);
        vm.prank(buyer);
        escrow.release(payments[0], 2); // 0.6 of a unit: no fee yet
        vm.prank(merchant);
        escrow.refund(payments[1], 50);
        expectReleased(payments[0], 3, 99 - 33, 33, 0); // ⌊33.66⌋ − 0
        expectReleased(payments[1], 3, 51 - 16, 16, 0); // ⌊16.99⌋
        _releaseMany(buyer, common, payments);
        assertEq(token.balanceOf(feeRecipient), 33 + 16);
        assertEq(token.balanceOf(address(escrow)), 0);
    }

    function test_releaseMany_without_a_fee_pays_the_merchant_everything() public {
        Terms memory common = withoutFee(tokenTerms());
        Terms[] memory payments = orders(common, 2);
        reachAll(payments, Status.Funded);
        _releaseMany(buyer, common, payments);
        assertEq(token.balanceOf(merchant), 2 * AMOUNT);
    }

    // given items that may not be released

    function test_releaseMany_skips_what_was_never_funded() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 5);
        fund(payments[4]);
        for (uint256 i = 0; i < 4; ++i) {
            payments[i] = another(payments[4], uint256(payments[4].orderHash));
        }
        payments[0].buyer = stranger;
        payments[1].amount += 1;
        payments[2].payBy += 1;
        payments[3].orderHash = bytes32("another order");
        for (uint256 i = 0; i < 4; ++i) {
            expectSkipped(payments[i], i, IEscrow.NotFunded.selector);
        }
        expectReleased(payments[4], 2, 97.5e6, 2.5e6, 0);
        _releaseMany(buyer, common, payments);
        assertEq(token.balanceOf(merchant), 97.5e6);
    }

    /// @dev Each of the common terms is part of the id, so that nobody can be paid under other terms.
    function test_releaseMany_skips_payments_of_other_common_terms() public {
        Terms[] memory payments = orders(tokenTerms(), 1);
        reachAll(payments, Status.Funded);
        Item[] memory items = itemsOf(payments);
        bytes memory encoded = abi.encode(tokenTerms());
        uint256[9] memory common = [uint256(1), 2, 3, 4, 6, 7, 9, 10, 11];
        for (uint256 i = 0; i < common.length; ++i) {
            uint256 last = 32 * common[i] + 31;
            encoded[last] ^= 0x01;
            Terms memory other = abi.decode(encoded, (Terms));
            encoded[last] ^= 0x01;
            vm.recordLogs();
            vm.prank(buyer);
            escrow.releaseMany(other, items);
            assertEq(skipsOf(vm.getRecordedLogs(), 1)[0], IEscrow.NotFunded.selector);
        }
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
    }

    function test_releaseMany_skips_what_is_over() public {
        Status[5] memory over = [Status.Released, Status.Refunded, Status.Reclaimed, Status.Resolved, Status.Repaid];
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 6);
        for (uint256 i = 0; i < 6; ++i) {
            payments[i].payBy = uint40(block.timestamp + 1);
            reach(payments[i], i < 5 ? over[i] : Status.Delivered);
        }
        uint256 before = token.balanceOf(merchant);
        for (uint256 i = 0; i < 5; ++i) {
            expectSkipped(payments[i], i, IEscrow.WrongStatus.selector);
        }
        _releaseMany(buyer, common, payments);
        assertEq(token.balanceOf(merchant), before + 97.5e6);
    }

    function test_releaseMany_by_others_skips_what_only_the_buyer_may_release() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 3);
        reach(payments[0], Status.Funded);
        reach(payments[1], Status.Disputed);
        reach(payments[2], Status.Delivered);
        vm.warp(START + DISPUTE_WINDOW);
        expectSkipped(payments[0], 0, IEscrow.NotBuyer.selector);
        expectSkipped(payments[1], 1, IEscrow.NotBuyer.selector);
        expectReleased(payments[2], 3, 97.5e6, 2.5e6, 0);
        _releaseMany(merchant, common, payments);
        assertEq(escrow.heldOf(payments[0]) + escrow.heldOf(payments[1]), 2 * AMOUNT);
    }

    function test_releaseMany_by_others_skips_the_second_before_the_windows_end() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 2);
        reach(payments[0], Status.Delivered);
        vm.warp(START + 2);
        reach(payments[1], Status.Delivered);
        vm.warp(START + DISPUTE_WINDOW + 1);
        expectSkipped(payments[1], 1, IEscrow.ReleaseTooEarly.selector);
        expectReleased(payments[0], 3, 97.5e6, 2.5e6, 0);
        _releaseMany(stranger, common, payments);
        assertState(escrow.idOf(payments[1]), Status.Delivered, START + 2, 2);
    }

    function test_releaseMany_by_a_buyer_takes_his_own_disputed_item_and_skips_anothers() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 2);
        payments[1].buyer = stranger;
        reach(payments[0], Status.Disputed);
        fund(payments[1]);
        expectSkipped(payments[1], 1, IEscrow.NotBuyer.selector);
        expectReleased(payments[0], 4, 97.5e6, 2.5e6, 0);
        _releaseMany(buyer, common, payments);
        assertEq(escrow.heldOf(payments[1]), AMOUNT);
    }

    function test_releaseMany_skips_the_second_of_two_equal_items() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 4);
        payments[3] = payments[0];
        payments[2] = payments[0];
        fund(payments[0]);
        fund(payments[1]);
        expectSkipped(payments[0], 2, IEscrow.WrongStatus.selector);
        expectSkipped(payments[0], 3, IEscrow.WrongStatus.selector);
        expectReleased(payments[0], 2, 97.5e6, 2.5e6, 0);
        expectReleased(payments[1], 2, 97.5e6, 2.5e6, 0);
        _releaseMany(buyer, common, payments);
        assertState(escrow.idOf(payments[0]), Status.Released, START, 2);
        assertEq(token.balanceOf(merchant), 195e6);
    }

    function test_releaseMany_tells_of_the_skipped_before_the_released() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 4);
        fund(payments[0]);
        fund(payments[2]);
        vm.recordLogs();
        _releaseMany(buyer, common, payments);
        bytes32[] memory kinds = kindsOf(vm.getRecordedLogs());
        assertEq(kinds.length, 4);
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(kinds[i], i < 2 ? IEscrow.ItemSkipped.selector : IEscrow.PaymentReleased.selector);
        }
    }

    function test_releaseMany_of_nothing_but_skipped_items_pays_nobody() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 3);
        reachAll(payments, Status.Funded);
        vm.recordLogs();
        _releaseMany(stranger, common, payments);
        assertEq(vm.getRecordedLogs().length, 3);
        assertEq(token.balanceOf(address(escrow)), 3 * AMOUNT);
    }

    function test_releaseMany_never_pays_for_an_item_with_dirty_bits() public {
        Terms memory common = tokenTerms();
        Terms[] memory payments = orders(common, 1);
        bytes32 id = fund(payments[0]);
        bytes memory data = abi.encodeCall(IEscrow.releaseMany, (common, itemsOf(payments)));
        uint256 itemAt = 4 + 13 * 32 + 32 + 32; // after the common terms, the list's place and its length
        data[itemAt] = 0x01; // above the buyer's 20 bytes
        vm.prank(buyer);
        (bool ignored,) = address(escrow).call(data);
        ignored;
        assertState(id, Status.Funded, START, 1);
    }

    // given a push that fails: one credit over all items

    function test_releaseMany_credits_a_merchant_who_takes_no_coin_once_over_all_items() public {
        Terms memory common = coinTerms();
        common.merchant = address(new RevertingReceiver());
        Terms[] memory payments = orders(common, 3);
        reachAll(payments, Status.Funded);
        vm.expectCall(common.merchant, 292.5e6, "", 1);
        for (uint256 i = 0; i < 3; ++i) {
            expectReleased(payments[i], 2, 97.5e6, 2.5e6, 1);
        }
        _releaseMany(buyer, common, payments);
        assertEq(escrow.creditOf(common.merchant, address(0)), 292.5e6);
        assertEq(feeRecipient.balance, 7.5e6, "the other payee has his money");
    }

    function _inBlocklistToken() private returns (BlocklistToken odd, Terms memory common) {
        odd = new BlocklistToken();
        odd.mint(buyer, 10 * AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        common = tokenTerms();
        common.token = address(odd);
    }

    function test_releaseMany_flags_a_failed_fee_only_where_there_is_one() public {
        (BlocklistToken odd, Terms memory common) = _inBlocklistToken();
        Terms[] memory payments = orders(common, 2);
        payments[0].amount = 39;
        reachAll(payments, Status.Funded);
        odd.setBlocked(feeRecipient, true);
        expectReleased(payments[0], 2, 39, 0, 0);
        expectReleased(payments[1], 2, 97.5e6, 2.5e6, 2);
        _releaseMany(buyer, common, payments);
        assertEq(escrow.creditOf(feeRecipient, address(odd)), 2.5e6);
        assertEq(odd.balanceOf(merchant), 97.5e6 + 39);
    }

    function test_releaseMany_flags_a_failed_merchant_only_where_he_gets_something() public {
        (BlocklistToken odd, Terms memory common) = _inBlocklistToken();
        (common.feeBps, common.amount) = (9_999, 10_000);
        Terms[] memory payments = orders(common, 2);
        reachAll(payments, Status.Funded);
        vm.prank(buyer);
        escrow.release(payments[0], 9_999); // ⌊9998.0001⌋: the merchant has his one unit already
        odd.setBlocked(merchant, true);
        odd.setBlocked(feeRecipient, true);
        expectReleased(payments[0], 3, 0, 1, 2);
        expectReleased(payments[1], 2, 1, 9_999, 3);
        _releaseMany(buyer, common, payments);
        assertEq(escrow.creditOf(merchant, address(odd)), 1);
        assertEq(escrow.creditOf(feeRecipient, address(odd)), 10_000);
    }

    // given dice: the batch does what its verbs do one by one

    function test_releaseMany_equals_its_verbs_one_by_one(uint256 dice, bool coin, uint8 who, uint16 bps) public {
        Terms memory common = termsIn(coin);
        common.feeBps = uint16(bound(bps, 1, 10_000));
        if (dice % 5 == 0) common = withoutFee(common);
        if (coin && dice % 3 == 0) common.merchant = address(new RevertingReceiver());
        Terms[] memory payments = diced(common, 8, dice);
        address caller = [buyer, stranger, common.merchant, arbiter][who % 4];
        vm.warp(block.timestamp + dice % 3 days);
        bytes[] memory verbs = new bytes[](payments.length);
        for (uint256 i = 0; i < verbs.length; ++i) {
            verbs[i] = abi.encodeCall(IEscrow.release, (payments[i], ALL));
        }
        uint256 clean = vm.snapshotState();
        vm.recordLogs();
        bytes4[] memory refusals = oneByOne(caller, verbs);
        Seen memory seen = look(payments);
        vm.revertToState(clean);
        vm.recordLogs();
        _releaseMany(caller, common, payments);
        assertSame(seen, refusals, payments);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IEscrow, Item, Status, Terms} from "../src/IEscrow.sol";
import {GasBurner, HungryReceiver, Reenterer, ReturnBomb, RevertingReceiver, Weigher} from "./support/BadReceivers.sol";
import {BatchTest} from "./support/BatchTest.sol";

contract BadReceiversTest is BatchTest {
    /// @dev Releases coin to this merchant; tells whether it became a credit.
    function _releaseTo(address merchant_) private returns (bool credited) {
        Terms memory terms = coinTerms();
        terms.merchant = merchant_;
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        uint256 credit = escrow.creditOf(merchant_, address(0));
        assertEq(credit + merchant_.balance, 97.5e6, "paid or credited, nothing between");
        assertEq(feeRecipient.balance, 2.5e6, "the other payee has his money");
        return credit != 0;
    }

    function test_release_credits_a_receiver_that_reverts() public {
        assertTrue(_releaseTo(address(new RevertingReceiver())));
    }

    function test_release_credits_a_receiver_that_burns_all_gas() public {
        uint256 before = gasleft();
        assertTrue(_releaseTo(address(new GasBurner())));
        assertLt(before - gasleft(), 1_000_000, "the cap holds");
    }

    function test_release_survives_return_bombs() public {
        uint256 before = gasleft();
        assertTrue(_releaseTo(address(new ReturnBomb(true))));
        assertLt(before - gasleft(), 1_500_000, "no bomb is copied");
    }

    function test_release_pays_a_receiver_that_answers_at_length() public {
        uint256 before = gasleft();
        _releaseTo(address(new ReturnBomb(false)));
        assertLt(before - gasleft(), 1_500_000, "no bomb is copied");
    }

    function test_release_pays_a_receiver_that_needs_more_than_a_stipend() public {
        assertFalse(_releaseTo(address(new HungryReceiver(95_000))));
    }

    function test_release_credits_a_receiver_that_needs_more_than_the_cap() public {
        assertTrue(_releaseTo(address(new HungryReceiver(100_000))));
    }

    function test_receiver_of_coin_gets_exactly_the_cap() public {
        address weigher = makeAddr("weigher");
        vm.etch(weigher, hex"5a5f5500"); // GAS, PUSH0, SSTORE, STOP: what is left after the first of them, which costs 2
        assertFalse(_releaseTo(weigher));
        assertEq(uint256(vm.load(weigher, 0)), 100_000 - 2);
    }

    function test_receiver_cannot_reenter() public {
        Reenterer reenterer = new Reenterer();
        Terms memory terms = coinTerms();
        reenterer.setCall(address(escrow), abi.encodeCall(IEscrow.withdraw, (address(reenterer), address(0), ALL)));
        terms.merchant = address(reenterer);
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, 50e6);
        assertTrue(reenterer.called());
        assertFalse(reenterer.succeeded());
        assertEq(bytes4(reenterer.answer()), ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
    }

    function test_merchant_cannot_refund_while_he_is_being_paid() public {
        Reenterer reenterer = new Reenterer();
        Terms memory terms = coinTerms();
        terms.merchant = address(reenterer);
        reenterer.setCall(address(escrow), abi.encodeCall(IEscrow.refund, (terms, 50e6)));
        bytes32 id = fund(terms);
        vm.prank(buyer);
        escrow.release(terms, 50e6);
        assertTrue(reenterer.called());
        assertFalse(reenterer.succeeded());
        assertEq(escrow.stateOf(id).seq, 2);
        assertEq(escrow.heldOf(terms), 50e6);
    }

    // given a bad buyer: what he can't be paid becomes his credit, by every verb

    function _badBuyers() private returns (address[4] memory) {
        return [
            address(new RevertingReceiver()),
            address(new GasBurner()),
            address(new ReturnBomb(true)),
            address(new HungryReceiver(100_000))
        ];
    }

    function test_refund_reclaim_resolve_and_repay_credit_a_bad_buyer() public {
        address[4] memory bad = _badBuyers();
        for (uint256 i = 0; i < bad.length; ++i) {
            Terms memory terms = another(coinTerms(), i);
            (terms.buyer, terms.payBy) = (bad[i], uint40(block.timestamp + 1));
            bytes32 id = fund(terms);
            vm.expectEmit(address(escrow));
            emit IEscrow.PaymentRefunded(id, 2, Status.Funded, 90e6, 10e6, 4);
            vm.prank(merchant);
            escrow.refund(terms, 10e6);
            uint256 clean = vm.snapshotState();
            vm.warp(block.timestamp + DELIVERY_PERIOD);
            vm.expectEmit(address(escrow));
            emit IEscrow.PaymentReclaimed(id, 3, Status.Reclaimed, 0, 90e6, 4);
            escrow.reclaim(terms);
            assertEq(escrow.creditOf(bad[i], address(0)), AMOUNT);
            vm.revertToState(clean);
            confirm(terms);
            vm.prank(terms.buyer);
            escrow.dispute(terms);
            vm.expectEmit(address(escrow));
            emit IEscrow.DisputeResolved(id, 5, Status.Resolved, 0, 39e6, 1e6, 50e6, 4);
            vm.prank(arbiter);
            escrow.resolve(terms, 50e6, 40e6);
            assertEq(escrow.creditOf(bad[i], address(0)), 60e6);
            vm.expectEmit(address(escrow));
            emit IEscrow.PaymentRepaid(id, 6, Status.Repaid, 0, 40e6, 4);
            repay(terms, 40e6);
            assertEq(escrow.creditOf(bad[i], address(0)), AMOUNT);
        }
    }

    // given a batch

    function test_releaseMany_pays_or_credits_once_for_all_items_and_burns_no_more_than_the_cap() public {
        address[4] memory bad = _badBuyers();
        for (uint256 i = 0; i < bad.length; ++i) {
            Terms memory common = coinTerms();
            common.merchant = bad[i];
            Terms[] memory payments = orders(common, 10);
            reachAll(payments, Status.Funded);
            Item[] memory items = itemsOf(payments);
            uint256 before = gasleft();
            vm.prank(buyer);
            escrow.releaseMany(common, items);
            assertLt(before - gasleft(), 2_000_000, "one push, not ten");
            assertEq(escrow.creditOf(bad[i], address(0)), 975e6);
            assertEq(feeRecipient.balance, 25e6 * (i + 1));
        }
    }

    function test_releaseMany_gives_a_receiver_of_coin_exactly_the_cap() public {
        Weigher weigher = new Weigher();
        Terms memory common = coinTerms();
        common.merchant = address(weigher);
        Terms[] memory payments = orders(common, 10);
        reachAll(payments, Status.Funded);
        vm.prank(buyer);
        escrow.releaseMany(common, itemsOf(payments));
        assertApproxEqAbs(weigher.gasSeen(), 100_000, 150);
        assertLt(weigher.gasSeen(), 100_000);
    }

    function test_lock_opens_again_after_each_call() public {
        _releaseTo(makeAddr("merchant 1"));
        Terms memory terms = tokenTerms();
        reach(terms, Status.Resolved);
        assertEq(escrow.heldOf(terms), 0);
    }
}

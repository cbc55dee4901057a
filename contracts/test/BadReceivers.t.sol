// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {GasBurner, HungryReceiver, Reenterer, ReturnBomb, RevertingReceiver, Weigher} from "./support/BadReceivers.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract BadReceiversTest is EscrowTest {
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
        Weigher weigher = new Weigher();
        assertFalse(_releaseTo(address(weigher)));
        assertApproxEqAbs(weigher.gasSeen(), 100_000, 150);
        assertLt(weigher.gasSeen(), 100_000);
    }

    function test_receiver_cannot_reenter() public {
        Reenterer reenterer = new Reenterer();
        Terms memory terms = coinTerms();
        reenterer.setCall(address(escrow), abi.encodeCall(IEscrow.withdraw, (address(reenterer), address(0))));
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

    function test_lock_opens_again_after_each_call() public {
        _releaseTo(makeAddr("merchant 1"));
        Terms memory terms = tokenTerms();
        reach(terms, Status.Resolved);
        assertEq(escrow.heldOf(terms), 0);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Vm} from "forge-std/Test.sol";

import {IEscrow, Item, PaymentState, Status, Terms} from "../../src/IEscrow.sol";
import {EscrowTest} from "./EscrowTest.sol";

/// @notice Many payments of one merchant, and what a batch of them did.
abstract contract BatchTest is EscrowTest {
    /// @dev Payments with the same terms but for orders and, if told so, amounts.
    function orders(Terms memory common, uint256 count) internal pure returns (Terms[] memory payments) {
        payments = new Terms[](count);
        for (uint256 i = 0; i < count; ++i) {
            payments[i] = another(common, i + 1);
        }
    }

    function itemOf(Terms memory terms) internal pure returns (Item memory) {
        return Item(terms.buyer, terms.amount, terms.payBy, terms.orderHash);
    }

    function itemsOf(Terms[] memory payments) internal pure returns (Item[] memory items) {
        items = new Item[](payments.length);
        for (uint256 i = 0; i < payments.length; ++i) {
            items[i] = itemOf(payments[i]);
        }
    }

    function reachAll(Terms[] memory payments, Status status) internal {
        for (uint256 i = 0; i < payments.length; ++i) {
            reach(payments[i], status);
        }
    }

    /// @dev Terms in which all that items say for themselves is nonsense.
    function withoutOwnTerms(Terms memory terms) internal pure returns (Terms memory common) {
        common = another(terms, 0xdead);
        (common.buyer, common.amount, common.payBy) = (address(0xdead), type(uint256).max, 1);
    }

    function expectSkipped(Terms memory terms, uint256 item, bytes4 why) internal {
        bytes32 id = escrow.idOf(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.ItemSkipped(id, item, why);
    }

    function expectReleased(Terms memory terms, uint48 seq, uint256 net, uint256 fee, uint8 credited) internal {
        bytes32 id = escrow.idOf(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, seq, Status.Released, 0, net, fee, credited);
    }

    /// @dev The kinds of the escrow's own events, in their order.
    function kindsOf(Vm.Log[] memory logs) internal view returns (bytes32[] memory kinds) {
        kinds = new bytes32[](logs.length);
        uint256 count;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter == address(escrow)) kinds[count++] = logs[i].topics[0];
        }
        assembly ("memory-safe") {
            mstore(kinds, count)
        }
    }

    /// @dev How many transfers of a token went to an account.
    function transfersTo(Vm.Log[] memory logs, address which, address account) internal pure returns (uint256 count) {
        for (uint256 i = 0; i < logs.length; ++i) {
            bool transfer = logs[i].emitter == which && logs[i].topics[0] == IERC20.Transfer.selector;
            if (transfer && logs[i].topics[2] == bytes32(uint256(uint160(account)))) ++count;
        }
    }

    // ----------------------------------------------------------------------- a batch compared with its verbs one by one

    /// @dev All that can be seen of payments and of their parties.
    struct Seen {
        bytes32 payments;
        bytes32 accounts;
        bytes32 confirmed; // the events in which delivery was confirmed, one after the other
        bytes32 released;
        Vm.Log[] logs;
    }

    function look(Terms[] memory payments) internal returns (Seen memory seen) {
        for (uint256 i = 0; i < payments.length; ++i) {
            PaymentState memory state = escrow.stateOf(escrow.idOf(payments[i]));
            seen.payments = keccak256(abi.encode(seen.payments, state, escrow.heldOf(payments[i])));
        }
        address[5] memory accounts = [buyer, payments[0].merchant, feeRecipient, stranger, address(escrow)];
        for (uint256 i = 0; i < accounts.length; ++i) {
            uint256 credit = escrow.creditOf(accounts[i], payments[0].token);
            seen.accounts = keccak256(abi.encode(seen.accounts, balance(payments[0], accounts[i]), credit));
        }
        seen.logs = vm.getRecordedLogs();
        seen.confirmed = _story(seen.logs, IEscrow.DeliveryConfirmed.selector);
        seen.released = _story(seen.logs, IEscrow.PaymentReleased.selector);
    }

    function _story(Vm.Log[] memory logs, bytes32 kind) private pure returns (bytes32 story) {
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == kind) story = keccak256(abi.encode(story, logs[i].topics, logs[i].data));
        }
    }

    function assertSame(Seen memory single, bytes4[] memory refusals, Terms[] memory payments) internal {
        Seen memory batch = look(payments);
        assertEq(abi.encode(skipsOf(batch.logs, refusals.length)), abi.encode(refusals), "skipped as refused");
        assertEq(batch.payments, single.payments, "payments");
        assertEq(batch.accounts, single.accounts, "balances and credits");
        assertEq(batch.confirmed, single.confirmed, "events of delivery");
        assertEq(batch.released, single.released, "events of release");
    }

    /// @dev What each verb alone was refused for; zero: it went through.
    function oneByOne(address caller, bytes[] memory verbs) internal returns (bytes4[] memory refusals) {
        refusals = new bytes4[](verbs.length);
        for (uint256 i = 0; i < verbs.length; ++i) {
            vm.prank(caller);
            (bool succeeded, bytes memory answer) = address(escrow).call(verbs[i]);
            if (!succeeded) refusals[i] = bytes4(answer);
        }
    }

    /// @dev What the batch says that each item was skipped for; zero: it was not.
    function skipsOf(Vm.Log[] memory logs, uint256 count) internal pure returns (bytes4[] memory skips) {
        skips = new bytes4[](count);
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] != IEscrow.ItemSkipped.selector) continue;
            (uint256 item, bytes4 why) = abi.decode(logs[i].data, (uint256, bytes4));
            skips[item] = why;
        }
    }

    /// @dev Payments of one merchant in every state that dice can bring them to; some stand in the list twice.
    function diced(Terms memory common, uint256 count, uint256 dice) internal returns (Terms[] memory payments) {
        payments = orders(common, count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 roll = uint256(keccak256(abi.encode(dice, i)));
            Terms memory terms = payments[i];
            terms.amount = 2 + roll % 1000;
            terms.payBy = uint40(block.timestamp + 1);
            if (i != 0 && (roll >> 10) % 8 == 0) {
                payments[i] = payments[(roll >> 16) % i];
                continue;
            }
            if ((roll >> 13) % 4 == 0) terms.buyer = makeAddr("another buyer");
            _settle(terms, roll);
            vm.warp(block.timestamp + (roll >> 40) % 2 days);
        }
    }

    function _settle(Terms memory terms, uint256 roll) private {
        Status status = Status((roll >> 24) % 7);
        bool ownBuyer = terms.buyer == buyer;
        if (status == Status.None) return;
        fund(terms);
        if ((roll >> 28) % 2 == 0) {
            vm.prank(terms.buyer);
            escrow.release(terms, 1 + (roll >> 30) % (terms.amount - 1));
        }
        if (status == Status.Funded || !ownBuyer) return;
        if (status == Status.Refunded) {
            vm.prank(terms.merchant);
            escrow.refund(terms, ALL);
            return;
        }
        confirm(terms);
        if (status == Status.Disputed && terms.disputeWindow != 0) openDispute(terms);
    }
}

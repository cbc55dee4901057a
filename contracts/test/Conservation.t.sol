// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Vm} from "forge-std/Test.sol";

import {PaymentState, Status, Terms} from "../src/IEscrow.sol";
import {RevertingReceiver} from "./support/BadReceivers.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

/// @notice Random lives of a few payments at once, in coin and in tokens, with a merchant that takes coin only at times.
contract ConservationTest is EscrowTest {
    uint256 private constant PAYMENTS = 6;

    /// @dev What the events say of a payment, summed up.
    struct Books {
        uint256 funded;
        uint256 toMerchant;
        uint256 toFeeRecipient;
        uint256 toBuyer;
        uint256 events;
    }

    RevertingReceiver private shop;
    Terms[] private payments;
    mapping(bytes32 id => Books) private books;
    uint256 private clock = START;
    uint256 private steps;

    function setUp() public override {
        super.setUp();
        shop = new RevertingReceiver();
        for (uint256 i = 0; i < PAYMENTS; ++i) {
            Terms memory terms = termsIn(i % 2 == 0);
            (terms.orderHash, terms.payBy) = (bytes32(i), uint40(START + 100_000 days));
            terms.amount = 1_000_003 + i;
            if (i % 3 == 0) terms = withoutDispute(terms);
            if (i % 3 == 1) terms.feeBps = 3_333;
            if (i != 5) terms.merchant = address(shop);
            payments.push(terms);
        }
        bytes4[] memory selectors = new bytes4[](4);
        (selectors[0], selectors[1]) = (this.step.selector, this.step.selector);
        (selectors[2], selectors[3]) = (this.step.selector, this.withdraw.selector);
        targetContract(address(this));
        targetSelector(FuzzSelector({addr: address(this), selectors: selectors}));
    }

    function step(uint256 which, uint256 verb, uint256 amount, uint256 wait, bool open) external {
        clock += bound(wait, 0, 1 days);
        vm.warp(clock);
        shop.setOpen(open);
        Terms memory terms = payments[which % PAYMENTS];
        bytes32 id = escrow.idOf(terms);
        PaymentState memory before = escrow.stateOf(id);
        vm.recordLogs();
        _try(terms, verb % 7, bound(amount, 1, terms.amount), amount % 3 == 0);
        _write(id, before);
    }

    function withdraw(bool open, bool coin) external {
        shop.setOpen(open);
        try escrow.withdraw(address(shop), coin ? address(0) : address(token)) {} catch {}
    }

    /// @dev Most tries are refused, and that is fine: what matters is what holds afterwards.
    function _try(Terms memory terms, uint256 verb, uint256 amount, bool all) private {
        address caller = [buyer, terms.merchant, buyer, merchant, stranger, buyer, arbiter][verb];
        if (verb == 3 && terms.merchant == address(shop)) caller = operator;
        uint256 value = verb == 0 && terms.token == address(0) ? terms.amount : 0;
        uint256 part = all ? ALL : amount;
        uint256 held = escrow.heldOf(terms);
        bytes[7] memory calls = [
            abi.encodeCall(escrow.fund, (terms, buyer)),
            abi.encodeCall(escrow.confirmDelivery, (terms)),
            abi.encodeCall(escrow.release, (terms, part)),
            abi.encodeCall(escrow.refund, (terms, part)),
            abi.encodeCall(escrow.reclaim, (terms)),
            abi.encodeCall(escrow.dispute, (terms)),
            abi.encodeCall(escrow.resolve, (terms, held - amount % (held + 1), amount % (held + 1)))
        ];
        vm.prank(caller);
        (bool succeeded,) = address(escrow).call{value: value}(calls[verb]);
        if (succeeded) ++steps;
    }

    /// @dev Reads the escrow's own events, checks their numbers, and adds their amounts up.
    function _write(bytes32 id, PaymentState memory before) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 seq = before.seq;
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != address(escrow)) continue;
            assertEq(logs[i].topics[1], id, "an event of another payment");
            Books storage book = books[id];
            book.events++;
            if (seq == 0) {
                book.funded = abi.decode(_words(logs[i].data, 3), (Numbers)).held;
            } else {
                Moved memory moved = abi.decode(logs[i].data, (Moved));
                assertEq(moved.seq, seq + 1, "SeqGapless");
                book.toMerchant += moved.toMerchant;
                book.toFeeRecipient += moved.toFeeRecipient;
                book.toBuyer += moved.toBuyer;
            }
            ++seq;
        }
        assertEq(escrow.stateOf(id).seq, seq, "SeqGapless");
    }

    struct Numbers {
        uint48 seq;
        Status status;
        uint256 held;
    }

    struct Moved {
        uint48 seq;
        Status status;
        uint256 held;
        uint256 toMerchant;
        uint256 toFeeRecipient;
        uint256 toBuyer;
        uint8 credited;
    }

    function _words(bytes memory data, uint256 count) private pure returns (bytes memory head) {
        head = new bytes(count * 32);
        for (uint256 i = 0; i < head.length; ++i) {
            head[i] = data[i];
        }
    }

    // ------------------------------------------------------------------------------------------------ what must hold

    function invariant_conservation_per_payment() public view {
        for (uint256 i = 0; i < PAYMENTS; ++i) {
            Books memory book = books[escrow.idOf(payments[i])];
            assertEq(book.funded, escrow.heldOf(payments[i]) + book.toMerchant + book.toFeeRecipient + book.toBuyer);
            uint256 gross = book.toMerchant + book.toFeeRecipient;
            assertEq(book.toFeeRecipient, gross * payments[i].feeBps / 10_000, "the fee is the whole's");
        }
    }

    function invariant_solvency_per_token() public view {
        address[2] memory tokens = [address(0), address(token)];
        for (uint256 t = 0; t < 2; ++t) {
            uint256 owed = _credits(tokens[t]);
            for (uint256 i = 0; i < PAYMENTS; ++i) {
                if (payments[i].token == tokens[t]) owed += escrow.heldOf(payments[i]);
            }
            uint256 has = t == 0 ? address(escrow).balance : token.balanceOf(address(escrow));
            assertEq(has, owed);
        }
    }

    function _credits(address which) private view returns (uint256) {
        return escrow.creditOf(address(shop), which) + escrow.creditOf(merchant, which) + escrow.creditOf(buyer, which)
            + escrow.creditOf(feeRecipient, which);
    }

    /// @dev Without this, a handler whose every call is refused would hold all the rest.
    function test_handler_gets_somewhere() public {
        for (uint256 i = 0; i < 200; ++i) {
            uint256 random = uint256(keccak256(abi.encode(i)));
            this.step(random, random >> 8, random >> 16, random >> 40, (random >> 60) % 3 == 0);
        }
        assertGt(steps, 15);
        assertGt(escrow.creditOf(address(shop), address(0)), 0);
    }
}

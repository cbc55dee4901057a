// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {DepositWallet} from "../src/DepositWallet.sol";
import {Escrow} from "../src/Escrow.sol";
import {IEscrow, PaymentState, Status, Terms} from "../src/IEscrow.sol";
import {TermsTest} from "./support/TermsTest.sol";

contract ViewsTest is TermsTest {
    bytes32 internal constant TYPEHASH = keccak256(
        "Terms(address buyer,address merchant,address operator,address arbiter,address token,uint256 amount,address feeRecipient,uint16 feeBps,uint40 payBy,uint32 deliveryPeriod,uint32 disputeWindow,uint32 arbitrationPeriod,bytes32 orderHash)"
    );

    function test_idOf_is_the_documented_hash(Terms memory terms) public view {
        assertEq(escrow.idOf(terms), keccak256(abi.encode(TYPEHASH, block.chainid, address(escrow), terms)));
    }

    function test_idOf_differs_between_two_escrows() public {
        assertNotEq(escrow.idOf(tokenTerms()), newEscrow().idOf(tokenTerms()));
    }

    function test_idOf_differs_between_two_chains() public {
        bytes32 here = escrow.idOf(tokenTerms());
        vm.chainId(block.chainid + 1);
        assertEq(escrow.idOf(tokenTerms()), here, "a fork changes no id");
        Escrow elsewhere = newEscrow();
        assertEq(
            elsewhere.idOf(tokenTerms()),
            keccak256(abi.encode(TYPEHASH, block.chainid, address(elsewhere), tokenTerms()))
        );
    }

    function test_idOf_depends_on_every_term() public view {
        bytes memory encoded = abi.encode(tokenTerms());
        bytes32 id = escrow.idOf(tokenTerms());
        for (uint256 i = 31; i < encoded.length; i += 32) {
            bytes memory changed = abi.encode(tokenTerms());
            changed[i] = bytes1(uint8(changed[i]) ^ 1);
            assertNotEq(escrow.idOf(abi.decode(changed, (Terms))), id);
        }
    }

    function test_stateOf_is_all_zero_before_funding() public view {
        PaymentState memory state = escrow.stateOf(escrow.idOf(tokenTerms()));
        assertEq(state.buyer, address(0));
        assertEq(uint8(state.status), 0);
        assertEq(state.since, 0);
        assertEq(state.seq, 0);
    }

    // given the storage: `buyer 160 | split 1 | status 7 | since 40 | seq 48`, and a second slot for parts only

    /// @dev Where a payment's state is kept: the one slot that reading it reads.
    function _slotOf(bytes32 id) private returns (bytes32) {
        vm.record();
        escrow.stateOf(id);
        (bytes32[] memory reads,) = vm.accesses(address(escrow));
        for (uint256 i = 1; i < reads.length; ++i) {
            assertEq(reads[i], reads[0]);
        }
        return reads[0];
    }

    function _packed(uint256 split, Status status, uint256 since, uint256 seq) private view returns (uint256) {
        return uint256(uint160(buyer)) << 96 | split << 95 | uint256(status) << 88 | since << 48 | seq;
    }

    /// @dev Counts the slots that changed between two looks, apart from the given one.
    function _writesBeside(bytes32 slot) private returns (uint256 count, bytes32 last) {
        (, bytes32[] memory writes) = vm.accesses(address(escrow));
        for (uint256 i = 0; i < writes.length; ++i) {
            if (writes[i] == slot || writes[i] == last) continue;
            last = writes[i];
            ++count;
        }
    }

    function test_state_is_one_slot_laid_out_as_documented() public {
        Terms memory terms = tokenTerms();
        bytes32 slot = _slotOf(escrow.idOf(terms));
        fund(terms);
        assertEq(uint256(vm.load(address(escrow), slot)), _packed(0, Status.Funded, START, 1));
        vm.warp(START + 1);
        confirm(terms);
        assertEq(uint256(vm.load(address(escrow), slot)), _packed(0, Status.Delivered, START + 1, 2));
    }

    function test_whole_amounts_touch_one_slot_only() public {
        Status[5] memory ends = [Status.Released, Status.Refunded, Status.Reclaimed, Status.Disputed, Status.Repaid];
        for (uint256 i = 0; i < ends.length; ++i) {
            Terms memory terms = another(tokenTerms(), i);
            terms.payBy = uint40(block.timestamp + 1);
            bytes32 slot = _slotOf(escrow.idOf(terms));
            vm.record();
            reach(terms, ends[i]);
            (uint256 others,) = _writesBeside(slot);
            assertEq(others, 0);
        }
    }

    function test_resolution_for_the_merchant_touches_one_slot_only() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Disputed);
        bytes32 slot = _slotOf(id);
        vm.record();
        vm.prank(arbiter);
        escrow.resolve(terms, 0, AMOUNT);
        (uint256 others,) = _writesBeside(slot);
        assertEq(others, 0);
        assertEq(uint256(vm.load(address(escrow), slot)), _packed(0, Status.Resolved, START, 4));
    }

    function test_partial_amounts_touch_a_second_slot_and_say_so_in_the_first() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        bytes32 slot = _slotOf(id);
        vm.record();
        vm.prank(buyer);
        escrow.release(terms, 30e6);
        vm.prank(merchant);
        escrow.refund(terms, 20e6);
        (uint256 others, bytes32 second) = _writesBeside(slot);
        assertEq(others, 1);
        assertEq(uint256(vm.load(address(escrow), slot)), _packed(1, Status.Funded, START, 3));
        assertEq(uint256(vm.load(address(escrow), second)), uint256(30e6) | uint256(20e6) << 128);
        vm.warp(START + 1);
        confirm(terms);
        assertEq(uint256(vm.load(address(escrow), slot)), _packed(1, Status.Delivered, START + 1, 4), "split stays");
    }

    function test_statesOf_answers_in_order() public {
        Terms memory terms = tokenTerms();
        bytes32[] memory ids = new bytes32[](3);
        ids[0] = reach(terms, Status.Delivered);
        ids[1] = keccak256("nobody paid this");
        terms.orderHash = keccak256("order 2");
        ids[2] = reach(terms, Status.Refunded);
        PaymentState[] memory states = escrow.statesOf(ids);
        assertEq(states.length, 3);
        assertEq(uint8(states[0].status), uint8(Status.Delivered));
        assertEq(uint8(states[1].status), uint8(Status.None));
        assertEq(uint8(states[2].status), uint8(Status.Refunded));
        assertEq(escrow.statesOf(new bytes32[](0)).length, 0);
    }

    function test_heldOf_follows_partial_amounts_to_zero() public {
        Terms memory terms = tokenTerms();
        assertEq(escrow.heldOf(terms), 0);
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, 30e6);
        vm.prank(merchant);
        escrow.refund(terms, 20e6);
        assertEq(escrow.heldOf(terms), 50e6);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        assertEq(escrow.heldOf(terms), 0);
    }

    function test_heldOf_is_the_amount_while_held_and_nothing_afterwards() public {
        for (uint8 s = uint8(Status.None); s <= uint8(Status.Repaid); ++s) {
            Terms memory terms = another(tokenTerms(), s);
            terms.payBy = uint40(block.timestamp + 1);
            reach(terms, Status(s));
            bool holds = s == uint8(Status.Funded) || s == uint8(Status.Delivered) || s == uint8(Status.Disputed);
            assertEq(escrow.heldOf(terms), holds ? AMOUNT : 0);
        }
    }

    // given deposit addresses

    /// @dev EIP-1014, spelt out: the wallet's init code has no arguments, and the id is the salt.
    function _depositAddress(Escrow of_, bytes32 id) private view returns (address) {
        bytes32 code = keccak256(_walletCode());
        return address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(of_), id, code)))));
    }

    function _walletCode() private view returns (bytes memory) {
        if (!vm.envOr("EARNEST_SHIPPED", false)) return type(DepositWallet).creationCode;
        string memory artifact = vm.readFile("../service/earnest/escrow/artifacts/DepositWallet.json");
        return vm.parseJsonBytes(artifact, ".bytecode");
    }

    function test_depositAddressOf_is_the_documented_address(bytes32 id) public {
        assertEq(escrow.depositAddressOf(id), _depositAddress(escrow, id));
        Escrow other = newEscrow();
        assertEq(other.depositAddressOf(id), _depositAddress(other, id));
    }

    function test_depositAddressOf_is_one_for_each_payment(bytes32 id, bytes32 other) public view {
        vm.assume(id != other);
        assertNotEq(escrow.depositAddressOf(id), escrow.depositAddressOf(other));
    }

    // given dismissals

    function test_isDismissed_is_said_of_one_merchant_and_one_operator() public {
        assertFalse(escrow.isDismissed(merchant, operator));
        vm.prank(merchant);
        escrow.dismissOperator(operator);
        assertTrue(escrow.isDismissed(merchant, operator));
        assertFalse(escrow.isDismissed(operator, merchant));
        assertFalse(escrow.isDismissed(merchant, stranger));
        assertFalse(escrow.isDismissed(stranger, operator));
    }

    // given the bounds of terms

    function test_checkTerms_is_content_with_good_terms() public view {
        escrow.checkTerms(tokenTerms(), buyer);
        escrow.checkTerms(withoutFee(withoutDispute(coinTerms())), buyer);
        Terms memory unnamed = tokenTerms();
        unnamed.buyer = address(0);
        escrow.checkTerms(unnamed, buyer);
    }

    function test_checkTerms_needs_neither_arbiter_nor_operator() public view {
        Terms memory terms = withoutDispute(tokenTerms());
        terms.operator = address(0);
        escrow.checkTerms(terms, buyer);
    }

    function test_checkTerms_reverts_with_each_bound_that_breaks() public {
        BrokenTerms[] memory broken = brokenTerms();
        assertGt(broken.length, 15);
        for (uint256 i = 0; i < broken.length; ++i) {
            expectRevertWith(broken[i].reason);
            escrow.checkTerms(broken[i].terms, broken[i].terms.buyer);
        }
    }

    function test_checkTerms_looks_at_the_buyer_named_at_funding() public {
        expectRevertWith(abi.encodeWithSelector(IEscrow.BuyerNotNamed.selector, stranger, buyer));
        escrow.checkTerms(tokenTerms(), stranger);
        Terms memory unnamed = tokenTerms();
        unnamed.buyer = address(0);
        expectRevertWith(abi.encodeWithSelector(IEscrow.BuyerIsZero.selector));
        escrow.checkTerms(unnamed, address(0));
        expectRevertWith(abi.encodeWithSelector(IEscrow.ArbiterIsParty.selector, arbiter));
        escrow.checkTerms(unnamed, arbiter);
    }

    function test_checkTerms_knows_nothing_of_time_or_of_what_was_funded() public {
        reach(tokenTerms(), Status.Refunded);
        vm.warp(START + 1000 days);
        escrow.checkTerms(tokenTerms(), buyer);
    }
}

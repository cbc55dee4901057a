// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Escrow} from "../src/Escrow.sol";
import {PaymentState, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract ViewsTest is EscrowTest {
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

    function test_state_is_one_slot_laid_out_as_documented() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Delivered);
        vm.record();
        escrow.stateOf(id);
        (bytes32[] memory reads,) = vm.accesses(address(escrow));
        for (uint256 i = 1; i < reads.length; ++i) {
            assertEq(reads[i], reads[0]);
        }
        uint256 packed = uint256(uint160(buyer)) | uint256(2) << 160 | START << 168 | uint256(2) << 208;
        assertEq(uint256(vm.load(address(escrow), reads[0])), packed);
    }

    function test_whole_amounts_touch_one_slot_only() public {
        Terms memory terms = tokenTerms();
        vm.record();
        reach(terms, Status.Resolved);
        (, bytes32[] memory writes) = vm.accesses(address(escrow));
        for (uint256 i = 0; i < writes.length; ++i) {
            assertEq(writes[i], writes[0]);
        }
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
}

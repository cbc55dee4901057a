// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

/// @notice Whatever number the last event had, the next one has the number after it, and nothing else of the slot is touched.
contract SeqTest is EscrowTest {
    /// @dev The slot lies at the id; the last 48 bits of it are `seq`.
    function _setSeq(bytes32 id, uint256 seq) private {
        uint256 slot = uint256(vm.load(address(escrow), id));
        vm.store(address(escrow), id, bytes32(slot >> 48 << 48 | seq));
    }

    function test_seq_goes_on_when_a_status_is_entered(uint48 seq) public {
        vm.assume(seq != 0 && seq != type(uint48).max);
        bytes32 id = fund(tokenTerms());
        _setSeq(id, seq);
        vm.warp(START + 5);
        vm.prank(merchant);
        escrow.confirmDelivery(tokenTerms());
        assertState(id, Status.Delivered, START + 5, uint256(seq) + 1);
        assertEq(escrow.stateOf(id).buyer, buyer);
    }

    function test_seq_goes_on_when_a_part_moves(uint48 seq) public {
        vm.assume(seq != 0 && seq != type(uint48).max);
        bytes32 id = fund(tokenTerms());
        _setSeq(id, seq);
        vm.prank(buyer);
        escrow.release(tokenTerms(), 1);
        assertState(id, Status.Funded, START, uint256(seq) + 1);
        assertEq(escrow.heldOf(tokenTerms()), AMOUNT - 1);
    }
}

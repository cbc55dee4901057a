// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {vm} from "./Cheats.sol";
import {both} from "./Logic.sol";
import {SymbolicEscrow} from "./SymbolicEscrow.sol";

/// @return `floor((before + gross) * bps / 10_000) - floor(before * bps / 10_000)`: what a slice costs
/// @param before the cumulative release before it
function fee(uint256 before, uint256 gross, uint256 bps) pure returns (uint256) {
    unchecked {
        return (before + gross) * bps / 10_000 - before * bps / 10_000;
    }
}

/// @notice The escrow's own rule.
contract FeeRuleProof is SymbolicEscrow {
    /// @notice It is {fee} of what was released before, for all storage, amounts and 16-bit fees. That each verb takes the fee by this
    /// rule, `Conservation` proves.
    function check_escrow_takes_this_fee(bytes32 id, uint256 gross, uint16 bps) external view {
        assert(escrow.feeOn(id, bps, gross) == fee(escrow.releasedOf(id), gross, bps));
    }
}

/// @notice The arithmetic of {fee}.
contract FeeProof {
    /// @notice Two slices cost what both cost at once, for all amounts below 2^128 and every 16-bit fee; by induction so do any number.
    function check_slices_cost_what_the_whole_costs(uint128 before, uint128 first, uint128 second, uint16 bps)
        external
        pure
    {
        unchecked {
            uint256 slices = fee(before, first, bps) + fee(uint256(before) + first, second, bps);
            assert(slices == fee(before, uint256(first) + second, bps));
        }
    }

    /// @notice A sum's quotient is at most `x` more than one part's, if the other part is at most `10_000 * x`; for all `r` and `x` below
    /// 2^128 and every `old` up to `10_000 * r`.
    /// @custom:halmos --solver-timeout-assertion 10s
    function check_quotient_grows_by_at_most_its_slice(uint128 r, uint128 x, uint256 old, uint256 more) external pure {
        vm.assume(both(old <= uint256(r) * 10_000, more <= uint256(x) * 10_000));
        assert(_growth(old, more) <= x);
    }

    /// @notice A fee is at most the slice that it is taken from, for all amounts below 2^128 and fees of at most 10,000 hundredths of a
    /// per cent. Each assertion is proven before the next one builds on it; what is assumed is the lemma above, of whose
    /// premises they are the first two.
    /// @custom:halmos --solver-timeout-assertion 10s
    function check_fee_is_at_most_its_slice(uint128 before, uint128 gross, uint16 bps) external pure {
        vm.assume(bps <= 10_000);
        unchecked {
            (uint256 r, uint256 x) = (before, gross);
            (uint256 old, uint256 more) = (r * bps, x * bps);
            assert(old <= r * 10_000);
            assert(more <= x * 10_000);
            assert((r + x) * bps == old + more);
            assert(fee(r, x, bps) == _growth(old, more));
            vm.assume(_growth(old, more) <= x);
            assert(fee(r, x, bps) <= x);
        }
    }

    function _growth(uint256 old, uint256 more) private pure returns (uint256) {
        unchecked {
            return (old + more) / 10_000 - old / 10_000;
        }
    }
}

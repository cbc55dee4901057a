// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Escrow} from "../../src/Escrow.sol";
import {Terms} from "../../src/IEscrow.sol";
import {State} from "../../src/StateLib.sol";
import {svm, vm} from "./Cheats.sol";
import {both} from "./Logic.sol";

/// @notice The escrow, and three more views.
contract LegibleEscrow is Escrow {
    function releasedOf(bytes32 id) external view returns (uint256) {
        return _stateOf(id).isSplit() ? _parts[id].released : 0;
    }

    function feeOn(bytes32 id, uint256 bps, uint256 gross) external view returns (uint256) {
        return bps == 0 ? 0 : _feeOn(id, _stateOf(id), bps, gross);
    }

    function givenBackOf(bytes32 id) external view returns (uint256) {
        return _stateOf(id).isSplit() ? _parts[id].givenBack : 0;
    }
}

/// @notice What the proofs of the verbs start from: an escrow whose whole storage is unknown, so that the payment looked at,
/// all credits and all dismissed operators are whatever they can be.
abstract contract SymbolicEscrow {
    uint256 internal constant ALL = type(uint256).max;

    LegibleEscrow internal escrow;

    function setUp() public virtual {
        escrow = new LegibleEscrow();
        svm.enableSymbolicStorage(address(escrow));
    }

    /// @dev The payment of these terms, before a verb. A count of 2^48 events can't be reached, nor can an escrow be a payee: it is
    /// refused when the payment is funded.
    function paymentOf(Terms memory terms) internal view returns (bytes32 id, State state) {
        id = escrow.idOf(terms);
        state = stateOf(id);
        vm.assume(state.seq() < type(uint48).max - 1);
        address self = address(escrow);
        vm.assume(both(both(state.buyer() != self, terms.merchant != self), terms.feeRecipient != self));
    }

    function stateOf(bytes32 id) internal view returns (State) {
        return State.wrap(uint256(vm.load(address(escrow), id)));
    }

    function done(address caller, uint256 coin, bytes memory data) internal returns (bool success) {
        vm.prank(caller);
        (success,) = address(escrow).call{value: coin}(data);
    }
}

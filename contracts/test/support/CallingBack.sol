// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {TestToken} from "../../src/TestToken.sol";

/// @notice Calls someone whenever told to, and counts how often it found him locked.
abstract contract CallingBack {
    struct Tally {
        address target;
        uint32 calls;
        uint32 locked;
        bool refusing;
    }

    Tally private tally;
    /// @dev The call's data as a contract's code, which is cheaper to read than storage: a push has little gas.
    address private data;
    bytes public answers;

    function setCall(address target, bytes calldata data_) external {
        (tally.target, tally.calls, tally.locked) = (target, 0, 0);
        bytes memory code = abi.encodePacked(hex"61", uint16(data_.length), hex"80600a3d393df3", data_);
        address created;
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
        }
        data = created;
    }

    function setRefusing(bool yes) external {
        tally.refusing = yes;
    }

    function calls() external view returns (uint256) {
        return tally.calls;
    }

    function locked() external view returns (uint256) {
        return tally.locked;
    }

    function _callBack() internal {
        Tally memory t = tally;
        require(!t.refusing, "no thanks");
        if (t.target == address(0)) return;
        (bool succeeded, bytes memory answer) = t.target.call(data.code);
        bool lock = !succeeded && bytes4(answer) == ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
        (tally.calls, tally.locked) = (t.calls + 1, t.locked + (lock ? 1 : 0));
        if (!lock) answers = answer;
    }
}

/// @notice A dollar that calls back whenever a contract moves it.
contract DollarThatCallsBack is TestToken, CallingBack {
    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (msg.sender.code.length != 0 && from != address(0)) _callBack();
    }
}

/// @notice An account that calls back whenever it is paid.
contract CoinThatCallsBack is CallingBack {
    receive() external payable {
        _callBack();
    }
}

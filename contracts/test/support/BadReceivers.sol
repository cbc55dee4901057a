// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Takes no coin until told to.
contract RevertingReceiver {
    bool public open;

    error NoThanks();

    function setOpen(bool yes) external {
        open = yes;
    }

    receive() external payable {
        if (!open) revert NoThanks();
    }
}

/// @notice Closed it takes no coin; open it takes it whatever happens, and passes it on if there is gas for that.
contract Till {
    bool public open;
    uint256 public banked;

    function setOpen(bool yes) external {
        open = yes;
    }

    /// @dev What a push gives is just enough.
    function bank() external payable {
        uint256 before = gasleft();
        banked += msg.value;
        payable(address(0xba2c)).transfer(msg.value);
        while (before - gasleft() < 82_000) {}
    }

    receive() external payable {
        require(open, "closed");
        try this.bank{value: msg.value}() {} catch {}
    }
}

/// @notice Burns all the gas that it gets.
contract GasBurner {
    receive() external payable {
        while (true) {}
    }
}

/// @notice Uses up a given amount of gas, and is content.
contract HungryReceiver {
    uint256 public immutable appetite;

    constructor(uint256 gas_) {
        appetite = gas_;
    }

    receive() external payable {
        uint256 atStart = gasleft();
        while (atStart - gasleft() < appetite) {}
    }
}

/// @notice Takes coin only when it is given enough gas, and else leaves all of it to the caller: the easiest to starve.
contract FussyReceiver {
    uint256 public immutable need;

    constructor(uint256 gas_) {
        need = gas_;
    }

    receive() external payable {
        require(gasleft() >= need, "too little gas");
    }
}

/// @notice Remembers how much gas it got.
contract Weigher {
    uint256 public gasSeen;

    receive() external payable {
        uint256 left = gasleft();
        gasSeen = left;
    }
}

/// @notice Answers with as much data as its gas buys, reverting or not.
contract ReturnBomb {
    bool public immutable reverting;

    constructor(bool reverting_) {
        reverting = reverting_;
    }

    receive() external payable {
        bool bad = reverting;
        assembly {
            if bad {
                revert(0, 200000)
            }
            return(0, 200000)
        }
    }
}

/// @notice Calls back while it is being paid.
contract Reenterer {
    address public target;
    bytes public data;
    bool public called;
    bool public succeeded;
    bytes public answer;

    function setCall(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function run(address to, bytes calldata data_) external {
        (bool ok,) = to.call(data_);
        require(ok, "run failed");
    }

    receive() external payable {
        called = true;
        // Only what fits into the gas of a push is kept.
        (succeeded, answer) = target.call(data);
    }
}

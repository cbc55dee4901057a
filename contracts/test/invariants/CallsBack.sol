// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @notice Calls back whenever it is paid or told to, and remembers whether it ever got through.
contract CallsBack {
    address private target;
    bytes private data;
    uint256 public calls;
    bool public gotThrough;

    /// @param target_ whom to call; zero: nobody
    function setCall(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function run() public {
        if (target == address(0)) return;
        ++calls;
        (bool ok,) = target.call(data);
        if (ok) gotThrough = true;
    }

    receive() external payable {
        run();
    }
}

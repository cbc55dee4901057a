// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {Vm} from "forge-std/Vm.sol";

import {Artifacts} from "./Artifacts.sol";

interface IWeth is IERC20Metadata {
    function deposit() external payable;
    function withdraw(uint256 amount) external;
}

/// @notice WETH9. Its fallback is a deposit: a call that it does not know succeeds, and does nothing.
library WethCounterpart {
    Vm private constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    function deploy() internal returns (IWeth) {
        return IWeth(Artifacts.deploy("canonical-weth/build/contracts/WETH9.json"));
    }

    /// @dev New coin, wrapped by `to` himself.
    function issue(IWeth weth, address to, uint256 amount) internal {
        vm.deal(to, to.balance + amount);
        vm.prank(to);
        weth.deposit{value: amount}();
    }
}

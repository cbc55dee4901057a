// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestDollar} from "./TestDollar.sol";

/// @title Test Dollar: the token that developers' shops are paid in.
contract TestToken is TestDollar("Test Dollar", "tUSD") {}

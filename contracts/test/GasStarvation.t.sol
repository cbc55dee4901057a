// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Terms} from "../src/IEscrow.sol";
import {HungryReceiver} from "./support/BadReceivers.sol";
import {HungryToken} from "./support/BadTokens.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

/// @notice A caller with every amount of gas: the verb reverts, or it pays. It never turns a payable push into a credit.
contract GasStarvationTest is EscrowTest {
    uint256 private constant STEP = 701;

    function _sweep(Terms memory terms, address payee, address caller, bytes memory verb, uint256 most) private {
        uint256 paid;
        uint256 reverted;
        for (uint256 allowance = 30_000; allowance < most; allowance += STEP) {
            uint256 clean = vm.snapshotState();
            vm.prank(caller);
            (bool succeeded,) = address(escrow).call{gas: allowance}(verb);
            assertEq(escrow.creditOf(payee, terms.token), 0, "starved into a credit");
            if (succeeded) ++paid;
            else ++reverted;
            vm.revertToState(clean);
        }
        assertGt(paid, 0);
        assertGt(reverted, 0);
    }

    function test_coin_push_is_never_starved() public {
        Terms memory terms = withoutFee(coinTerms());
        terms.merchant = address(new HungryReceiver(97_000));
        fund(terms);
        _sweep(terms, terms.merchant, buyer, abi.encodeCall(IEscrow.release, (terms, ALL)), 400_000);
    }

    function test_second_coin_push_is_never_starved() public {
        Terms memory terms = coinTerms();
        terms.feeRecipient = address(new HungryReceiver(97_000));
        fund(terms);
        _sweep(terms, terms.feeRecipient, buyer, abi.encodeCall(IEscrow.release, (terms, ALL)), 400_000);
    }

    function test_token_push_is_never_starved() public {
        HungryToken odd = new HungryToken();
        odd.mint(buyer, AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        Terms memory terms = tokenTerms();
        terms.token = address(odd);
        fund(terms);
        odd.setAppetite(290_000);
        _sweep(terms, buyer, merchant, abi.encodeCall(IEscrow.refund, (terms, ALL)), 700_000);
    }

    function test_starved_push_says_what_it_needs() public {
        Terms memory terms = withoutFee(coinTerms());
        fund(terms);
        vm.prank(buyer);
        (bool succeeded, bytes memory answer) =
            address(escrow).call{gas: 150_000}(abi.encodeCall(IEscrow.release, (terms, ALL)));
        assertFalse(succeeded);
        assertEq(bytes4(answer), IEscrow.PushNeedsGas.selector);
    }
}

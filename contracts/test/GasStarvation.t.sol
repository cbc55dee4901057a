// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {FussyReceiver} from "./support/BadReceivers.sol";
import {FussyToken, OddToken} from "./support/BadTokens.sol";
import {BatchTest} from "./support/BatchTest.sol";

/// @notice Remembers how much gas a transfer began with.
contract WeighingToken is OddToken {
    uint256 public gasSeen;

    function transfer(address to, uint256 amount) public override returns (bool) {
        gasSeen = gasleft();
        return super.transfer(to, amount);
    }
}

/// @notice A caller with every amount of gas: the verb reverts, or it pays; no push that could be paid is credited.
contract GasStarvationTest is BatchTest {
    uint256 private constant STEP = 1_501;
    /// @dev What receivers see of the 100,000 for coin, and tokens of the 300,000: a little is spent on the way in.
    uint256 private constant COIN_GAS = 99_500;
    uint256 private constant TOKEN_GAS = 295_000;

    function _sweep(Terms memory terms, address payee, address caller, bytes memory verb, uint256 most) private {
        _sweep(terms, payee, caller, 0, verb, most, STEP);
    }

    function _sweep(
        Terms memory terms,
        address payee,
        address caller,
        uint256 value,
        bytes memory verb,
        uint256 most,
        uint256 step
    ) private {
        uint256 paid;
        uint256 reverted;
        if (value != 0) vm.deal(caller, value);
        for (uint256 allowance = 30_000; allowance < most; allowance += step) {
            uint256 clean = vm.snapshotState();
            vm.prank(caller);
            (bool succeeded,) = address(escrow).call{gas: allowance, value: value}(verb);
            assertEq(escrow.creditOf(payee, terms.token), 0, "starved into a credit");
            if (succeeded) ++paid;
            else ++reverted;
            vm.revertToState(clean);
        }
        assertGt(paid, 0);
        assertGt(reverted, 0);
    }

    /// @dev With one unit of gas less than the least that succeeds, the verb asks for exactly that one more.
    function test_push_needs_no_more_gas_than_it_says() public {
        Terms memory terms = withoutFee(coinTerms());
        fund(terms);
        bytes memory verb = abi.encodeCall(IEscrow.release, (terms, ALL));
        (uint256 short, uint256 enough) = (30_000, 400_000);
        bytes memory why;
        while (enough - short > 1) {
            uint256 allowance = (short + enough) / 2;
            uint256 clean = vm.snapshotState();
            vm.prank(buyer);
            (bool succeeded, bytes memory said) = address(escrow).call{gas: allowance}(verb);
            vm.revertToState(clean);
            if (succeeded) enough = allowance;
            else (short, why) = (allowance, said);
        }
        assertEq(bytes4(why), IEscrow.PushNeedsGas.selector);
        (uint256 left, uint256 needed) = _gasSaid(why);
        assertEq(left + 1, needed);
    }

    function _gasSaid(bytes memory why) private pure returns (uint256 left, uint256 needed) {
        assembly {
            left := mload(add(why, 0x24))
            needed := mload(add(why, 0x44))
        }
    }

    function test_coin_push_is_never_starved() public {
        Terms memory terms = withoutFee(coinTerms());
        terms.merchant = address(new FussyReceiver(COIN_GAS));
        fund(terms);
        _sweep(terms, terms.merchant, buyer, abi.encodeCall(IEscrow.release, (terms, ALL)), 400_000);
    }

    function test_second_coin_push_is_never_starved() public {
        Terms memory terms = coinTerms();
        terms.feeRecipient = address(new FussyReceiver(COIN_GAS));
        fund(terms);
        _sweep(terms, terms.feeRecipient, buyer, abi.encodeCall(IEscrow.release, (terms, ALL)), 400_000);
    }

    function test_token_push_is_never_starved() public {
        FussyToken odd = new FussyToken();
        odd.mint(buyer, AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        Terms memory terms = tokenTerms();
        terms.token = address(odd);
        fund(terms);
        odd.setNeed(TOKEN_GAS);
        _sweep(terms, buyer, merchant, abi.encodeCall(IEscrow.refund, (terms, ALL)), 700_000);
    }

    function test_third_coin_push_of_a_resolution_is_never_starved() public {
        Terms memory terms = coinTerms();
        terms.buyer = address(new FussyReceiver(COIN_GAS));
        fund(terms);
        confirm(terms);
        vm.prank(terms.buyer);
        escrow.dispute(terms);
        _sweep(terms, terms.buyer, arbiter, abi.encodeCall(IEscrow.resolve, (terms, 60e6, 40e6)), 500_000);
    }

    function test_coin_push_of_a_repayment_is_never_starved() public {
        Terms memory terms = coinTerms();
        terms.buyer = address(new FussyReceiver(COIN_GAS));
        fund(terms);
        vm.prank(terms.buyer);
        escrow.release(terms, ALL);
        _sweep(terms, terms.buyer, merchant, AMOUNT, abi.encodeCall(IEscrow.repay, (terms, ALL)), 400_000, STEP);
    }

    function test_coin_pushes_of_a_batch_are_never_starved() public {
        FussyReceiver fussy = new FussyReceiver(COIN_GAS);
        for (uint256 i = 0; i < 2; ++i) {
            Terms memory common = coinTerms();
            if (i == 0) common.merchant = address(fussy);
            else common.feeRecipient = address(fussy);
            Terms[] memory payments = orders(common, 20);
            reachAll(payments, Status.Funded);
            bytes memory verb = abi.encodeCall(IEscrow.releaseMany, (common, itemsOf(payments)));
            _sweep(common, address(fussy), buyer, 0, verb, 1_500_000, 6_007);
        }
    }

    function test_coin_push_of_a_confirmed_batch_is_never_starved() public {
        Terms memory common = withoutDispute(coinTerms());
        common.merchant = address(new FussyReceiver(COIN_GAS));
        Terms[] memory payments = orders(common, 5);
        reachAll(payments, Status.Funded);
        bytes memory verb = abi.encodeCall(IEscrow.confirmDeliveryMany, (common, itemsOf(payments)));
        _sweep(common, common.merchant, operator, 0, verb, 800_000, 3_001);
    }

    function test_token_pushes_of_a_batch_are_never_starved() public {
        FussyToken odd = new FussyToken();
        odd.mint(buyer, 5 * AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        Terms memory common = tokenTerms();
        common.token = address(odd);
        Terms[] memory payments = orders(common, 5);
        reachAll(payments, Status.Funded);
        odd.setNeed(TOKEN_GAS);
        bytes memory verb = abi.encodeCall(IEscrow.releaseMany, (common, itemsOf(payments)));
        _sweep(common, merchant, buyer, 0, verb, 1_500_000, 6_007);
        _sweep(common, feeRecipient, buyer, 0, verb, 1_500_000, 6_007);
    }

    function test_token_gets_exactly_the_cap() public {
        WeighingToken odd = new WeighingToken();
        odd.mint(buyer, AMOUNT);
        vm.prank(buyer);
        odd.approve(address(escrow), ALL);
        odd.transfer{gas: 300_000}(stranger, 0);
        uint256 exactly = odd.gasSeen();
        Terms memory terms = withoutFee(tokenTerms());
        terms.token = address(odd);
        fund(terms);
        vm.prank(buyer);
        escrow.release(terms, ALL);
        assertEq(odd.gasSeen(), exactly);
    }

    function test_starved_push_says_what_it_needs() public {
        Terms memory terms = withoutFee(coinTerms());
        fund(terms);
        vm.prank(buyer);
        (bool succeeded, bytes memory answer) =
            address(escrow).call{gas: 150_000}(abi.encodeCall(IEscrow.release, (terms, ALL)));
        assertFalse(succeeded);
        assertEq(bytes4(answer), IEscrow.PushNeedsGas.selector);
        (uint256 left, uint256 needed) = abi.decode(this.argumentsOf(answer), (uint256, uint256));
        assertLt(left, needed);
        assertEq(needed, uint256(100_000) * 64 / 63 + 80_000, "so that 63/64 are the push's, and the reserve is left");
    }

    function argumentsOf(bytes calldata answer) external pure returns (bytes calldata) {
        return answer[4:];
    }
}

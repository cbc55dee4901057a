// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Item, Status, Terms} from "../src/IEscrow.sol";
import {CoinThatCallsBack, DollarThatCallsBack} from "./support/CallingBack.sol";
import {TransitionTest} from "./support/TransitionTest.sol";

/// @notice While the escrow moves money, nobody finds it open: from inside each pull and each push, every verb and every
/// view that reads storage reverts. (`checkTerms` and `eip712Domain` read nothing; `receiveDeposit` knows who may.)
contract LockTest is TransitionTest {
    DollarThatCallsBack private dollar;
    CoinThatCallsBack private taker;

    function setUp() public override {
        super.setUp();
        dollar = new DollarThatCallsBack();
        vm.etch(address(token), address(dollar).code);
        dollar = DollarThatCallsBack(address(token));
        taker = new CoinThatCallsBack();
    }

    function _everyLockedCall(Terms memory terms) private view returns (bytes[] memory calls) {
        Item[] memory items = new Item[](1);
        items[0] = Item(terms.buyer, terms.amount, terms.payBy, terms.orderHash);
        calls = new bytes[](24);
        calls[0] = abi.encodeCall(IEscrow.fund, (terms, buyer));
        calls[1] = abi.encodeCall(IEscrow.fundWithPermit, (terms, buyer, ALL, 0, 0, 0));
        calls[2] = abi.encodeCall(IEscrow.fundWithAuthorization, (terms, buyer, 0, ALL, new bytes(65)));
        calls[3] = abi.encodeCall(IEscrow.fundWithPermit2, (terms, buyer, 0, ALL, new bytes(65)));
        calls[4] = abi.encodeCall(IEscrow.collect, (terms, terms.token));
        calls[5] = abi.encodeCall(IEscrow.confirmDelivery, (terms));
        calls[6] = abi.encodeCall(IEscrow.release, (terms, ALL));
        calls[7] = abi.encodeCall(IEscrow.releaseWithReceipt, (terms, new bytes(65)));
        calls[8] = abi.encodeCall(IEscrow.refund, (terms, ALL));
        calls[9] = abi.encodeCall(IEscrow.reclaim, (terms));
        calls[10] = abi.encodeCall(IEscrow.dispute, (terms));
        calls[11] = abi.encodeCall(IEscrow.resolve, (terms, 0, terms.amount));
        calls[12] = abi.encodeCall(IEscrow.repay, (terms, ALL));
        calls[13] = abi.encodeCall(IEscrow.releaseMany, (terms, items));
        calls[14] = abi.encodeCall(IEscrow.confirmDeliveryMany, (terms, items));
        calls[15] = abi.encodeCall(IEscrow.dismissOperator, (operator));
        calls[16] = abi.encodeCall(IEscrow.withdraw, (buyer, terms.token, ALL));
        calls[17] = abi.encodeCall(IEscrow.idOf, (terms));
        calls[18] = abi.encodeCall(IEscrow.stateOf, (bytes32(0)));
        calls[19] = abi.encodeCall(IEscrow.statesOf, (new bytes32[](1)));
        calls[20] = abi.encodeCall(IEscrow.heldOf, (terms));
        calls[21] = abi.encodeCall(IEscrow.creditOf, (buyer, terms.token));
        calls[22] = abi.encodeCall(IEscrow.depositAddressOf, (bytes32(0)));
        calls[23] = abi.encodeCall(IEscrow.isDismissed, (merchant, operator));
    }

    // given a token that calls back

    function test_token_finds_everything_locked_in_the_middle_of_every_verb() public {
        for (uint8 v = 0; v <= uint8(type(Verb).max); ++v) {
            if (Verb(v) != Verb.Dispute) _tokenCallsBackIn(Verb(v));
        }
    }

    function _tokenCallsBackIn(Verb verb) private {
        bool confirming = verb == Verb.ConfirmDelivery || verb == Verb.ConfirmDeliveryMany;
        Terms memory terms = another(confirming ? withoutDispute(tokenTerms()) : tokenTerms(), uint256(verb));
        terms.payBy = uint40(block.timestamp + 1);
        bytes[] memory calls = _everyLockedCall(terms);
        reach(terms, _statusBefore(verb));
        if (verb == Verb.Reclaim) vm.warp(block.timestamp + DELIVERY_PERIOD);
        uint256 clean = vm.snapshotState();
        for (uint256 i = 0; i < calls.length; ++i) {
            dollar.setCall(address(escrow), calls[i]);
            assertEq(act(terms, verb), "", "the verb itself goes through");
            assertGt(dollar.calls(), 0);
            assertEq(dollar.locked(), dollar.calls());
            vm.revertToState(clean);
        }
    }

    function _statusBefore(Verb verb) private pure returns (Status) {
        if (isFunding(verb)) return Status.None;
        if (verb == Verb.Resolve) return Status.Disputed;
        return verb == Verb.Repay ? Status.Released : Status.Funded;
    }

    function test_token_finds_everything_locked_while_a_credit_is_withdrawn() public {
        Terms memory terms = tokenTerms();
        bytes[] memory calls = _everyLockedCall(terms);
        fund(terms);
        dollar.setRefusing(true);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        dollar.setRefusing(false);
        uint256 clean = vm.snapshotState();
        for (uint256 i = 0; i < calls.length; ++i) {
            dollar.setCall(address(escrow), calls[i]);
            escrow.withdraw(buyer, address(token), ALL);
            assertEq(dollar.calls(), 1);
            assertEq(dollar.locked(), 1);
            vm.revertToState(clean);
        }
    }

    function test_token_finds_everything_locked_while_a_deposit_goes_back() public {
        Terms memory terms = tokenTerms();
        bytes[] memory calls = _everyLockedCall(terms);
        vm.warp(terms.payBy);
        for (uint256 i = 0; i < calls.length; ++i) {
            uint256 clean = vm.snapshotState();
            dollar.setCall(address(escrow), calls[i]);
            assertEq(act(terms, Verb.Collect), "");
            assertEq(dollar.calls(), 1);
            assertEq(dollar.locked(), 1);
            vm.revertToState(clean);
        }
    }

    // given a receiver of coin that calls back

    /// @param verb ends in coin for the taker
    function _takerCallsBackIn(address caller, uint256 value, bytes memory verb, bytes[] memory calls) private {
        vm.deal(caller, value);
        uint256 clean = vm.snapshotState();
        for (uint256 i = 0; i < calls.length; ++i) {
            taker.setCall(address(escrow), calls[i]);
            vm.prank(caller);
            (bool succeeded,) = address(escrow).call{value: value}(verb);
            assertTrue(succeeded);
            assertEq(taker.calls(), 1);
            assertEq(taker.locked(), 1);
            assertEq(escrow.creditOf(address(taker), address(0)), 0, "he is paid all the same");
            vm.revertToState(clean);
        }
    }

    function test_merchant_finds_everything_locked_while_he_is_paid() public {
        Terms memory terms = coinTerms();
        terms.merchant = address(taker);
        fund(terms);
        bytes[] memory calls = _everyLockedCall(terms);
        Item[] memory items = new Item[](1);
        items[0] = Item(terms.buyer, terms.amount, terms.payBy, terms.orderHash);
        _takerCallsBackIn(buyer, 0, abi.encodeCall(IEscrow.release, (terms, 1e6)), calls);
        _takerCallsBackIn(buyer, 0, abi.encodeCall(IEscrow.releaseMany, (terms, items)), calls);
    }

    function test_merchant_finds_everything_locked_while_he_is_paid_at_delivery() public {
        Terms memory terms = withoutDispute(coinTerms());
        terms.merchant = address(taker);
        fund(terms);
        bytes[] memory calls = _everyLockedCall(terms);
        Item[] memory items = new Item[](1);
        items[0] = Item(terms.buyer, terms.amount, terms.payBy, terms.orderHash);
        _takerCallsBackIn(operator, 0, abi.encodeCall(IEscrow.confirmDelivery, (terms)), calls);
        _takerCallsBackIn(operator, 0, abi.encodeCall(IEscrow.confirmDeliveryMany, (terms, items)), calls);
    }

    function test_fee_recipient_finds_everything_locked_while_he_is_paid() public {
        Terms memory terms = coinTerms();
        terms.feeRecipient = address(taker);
        fund(terms);
        bytes[] memory calls = _everyLockedCall(terms);
        _takerCallsBackIn(buyer, 0, abi.encodeCall(IEscrow.release, (terms, ALL)), calls);
    }

    function test_buyer_finds_everything_locked_while_he_gets_money_back() public {
        Terms memory terms = coinTerms();
        terms.buyer = address(taker);
        bytes[] memory calls = _everyLockedCall(terms);
        fund(terms);
        _takerCallsBackIn(merchant, 0, abi.encodeCall(IEscrow.refund, (terms, 1e6)), calls);
        uint256 clean = vm.snapshotState();
        vm.warp(START + DELIVERY_PERIOD);
        _takerCallsBackIn(stranger, 0, abi.encodeCall(IEscrow.reclaim, (terms)), calls);
        vm.revertToState(clean);
        confirm(terms);
        vm.prank(terms.buyer);
        escrow.dispute(terms);
        _takerCallsBackIn(arbiter, 0, abi.encodeCall(IEscrow.resolve, (terms, 1e6, 99e6)), calls);
        vm.prank(terms.buyer);
        escrow.release(terms, ALL);
        _takerCallsBackIn(merchant, 1e6, abi.encodeCall(IEscrow.repay, (terms, 1e6)), calls);
    }

    function test_buyer_finds_everything_locked_while_his_deposit_comes_back() public {
        Terms memory terms = coinTerms();
        terms.buyer = address(taker);
        bytes[] memory calls = _everyLockedCall(terms);
        vm.deal(escrow.depositAddressOf(escrow.idOf(terms)), AMOUNT + 1);
        bytes memory verb = abi.encodeCall(IEscrow.collect, (terms, address(0)));
        _takerCallsBackIn(stranger, 0, verb, calls);
        vm.warp(terms.payBy);
        _takerCallsBackIn(stranger, 0, verb, calls);
    }

    function test_owner_of_a_credit_finds_everything_locked_while_he_is_paid() public {
        Terms memory terms = coinTerms();
        terms.buyer = address(taker);
        bytes[] memory calls = _everyLockedCall(terms);
        fund(terms);
        taker.setRefusing(true);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
        taker.setRefusing(false);
        assertEq(escrow.creditOf(address(taker), address(0)), AMOUNT);
        uint256 clean = vm.snapshotState();
        _takerCallsBackIn(stranger, 0, abi.encodeCall(IEscrow.withdraw, (address(taker), address(0), ALL)), calls);
        vm.revertToState(clean);
    }

    // given what needs no lock

    function test_token_cannot_pass_coin_off_as_a_deposit_in_the_middle_of_a_collect() public {
        Terms memory terms = tokenTerms();
        dollar.setCall(address(escrow), abi.encodeCall(IEscrow.receiveDeposit, (escrow.idOf(terms))));
        assertEq(act(terms, Verb.Collect), "");
        assertGt(dollar.calls(), 0);
        assertEq(dollar.answers(), abi.encodeWithSelector(IEscrow.NotDepositAddress.selector, address(token)));
    }

    function test_lock_opens_again_after_every_verb() public {
        for (uint8 v = 0; v <= uint8(type(Verb).max); ++v) {
            Verb verb = Verb(v);
            Terms memory terms = another(tokenTerms(), v);
            terms.payBy = uint40(block.timestamp + 1);
            reach(terms, verb == Verb.Dispute ? Status.Delivered : _statusBefore(verb));
            if (verb == Verb.Reclaim) vm.warp(block.timestamp + DELIVERY_PERIOD);
            assertEq(act(terms, verb), "");
            assertGt(escrow.stateOf(escrow.idOf(terms)).seq, 0);
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Escrow} from "../src/Escrow.sol";
import {IEscrow, PaymentState, Status, Terms} from "../src/IEscrow.sol";
import {EscrowTest} from "./support/EscrowTest.sol";

contract FundTest is EscrowTest {
    // given good terms

    function test_fund_takes_exactly_the_amount_in_tokens() public {
        Terms memory terms = tokenTerms();
        uint256 before = token.balanceOf(buyer);
        bytes32 id = fund(terms);
        assertEq(token.balanceOf(address(escrow)), AMOUNT);
        assertEq(token.balanceOf(buyer), before - AMOUNT);
        assertState(id, Status.Funded, START, 1);
        assertEq(escrow.heldOf(terms), AMOUNT);
    }

    function test_fund_takes_exactly_the_amount_in_coin() public {
        Terms memory terms = coinTerms();
        bytes32 id = fund(terms);
        assertEq(address(escrow).balance, AMOUNT);
        assertState(id, Status.Funded, START, 1);
    }

    function test_fund_tells_the_whole_terms() public {
        Terms memory terms = tokenTerms();
        bytes32 id = escrow.idOf(terms);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentFunded(id, 1, Status.Funded, AMOUNT, buyer, buyer, terms);
        fund(terms);
    }

    function test_fund_by_a_friend_gives_the_named_buyer_the_rights() public {
        Terms memory terms = coinTerms();
        bytes32 id = escrow.idOf(terms);
        vm.deal(stranger, AMOUNT);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentFunded(id, 1, Status.Funded, AMOUNT, stranger, buyer, terms);
        vm.prank(stranger);
        escrow.fund{value: AMOUNT}(terms, buyer);
        assertEq(escrow.stateOf(id).buyer, buyer);
    }

    function test_fund_names_the_buyer_when_the_terms_do_not() public {
        Terms memory terms = tokenTerms();
        terms.buyer = address(0);
        vm.prank(buyer);
        escrow.fund(terms, stranger);
        assertEq(escrow.stateOf(escrow.idOf(terms)).buyer, stranger);
    }

    function test_fund_takes_the_payers_money_never_the_buyers() public {
        Terms memory terms = tokenTerms();
        vm.prank(stranger);
        vm.expectRevert();
        escrow.fund(terms, buyer);
    }

    // given the bounds of terms

    function test_fund_accepts_every_bound() public {
        Terms memory terms = tokenTerms();
        (terms.amount, terms.orderHash) = (1, keccak256("least"));
        (terms.deliveryPeriod, terms.disputeWindow, terms.arbitrationPeriod, terms.feeBps) = (1, 1 hours, 1 days, 1);
        fund(terms);
        (terms.amount, terms.orderHash) = (type(uint128).max, keccak256("most"));
        (terms.deliveryPeriod, terms.disputeWindow, terms.arbitrationPeriod) = (400 days, 400 days, 400 days);
        terms.feeBps = 10_000;
        token.mint(buyer, type(uint128).max);
        fund(terms);
        fund(withoutFee(withoutDispute(tokenTerms())));
    }

    function _fundReverts(Terms memory terms, bytes memory reason) private {
        expectRevertWith(reason);
        vm.prank(buyer);
        escrow.fund(terms, buyer);
    }

    function test_fund_reverts_when_the_amount_is_out_of_bounds() public {
        Terms memory terms = tokenTerms();
        terms.amount = 0;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 0));
        terms.amount = 1 << 128;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.AmountOutOfBounds.selector, 1 << 128));
    }

    function test_fund_reverts_without_a_merchant() public {
        Terms memory terms = tokenTerms();
        terms.merchant = address(0);
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.MerchantIsZero.selector));
    }

    function test_fund_reverts_without_a_buyer() public {
        Terms memory terms = tokenTerms();
        terms.buyer = address(0);
        expectRevertWith(abi.encodeWithSelector(IEscrow.BuyerIsZero.selector));
        vm.prank(buyer);
        escrow.fund(terms, address(0));
    }

    function test_fund_reverts_for_another_buyer_than_the_named_one() public {
        Terms memory terms = tokenTerms();
        expectRevertWith(abi.encodeWithSelector(IEscrow.BuyerNotNamed.selector, stranger, buyer));
        vm.prank(buyer);
        escrow.fund(terms, stranger);
    }

    function test_fund_reverts_when_buyer_and_merchant_are_one() public {
        Terms memory terms = tokenTerms();
        terms.merchant = buyer;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.BuyerIsMerchant.selector, buyer));
    }

    function test_fund_reverts_when_the_arbiter_is_a_party() public {
        Terms memory terms = tokenTerms();
        address[3] memory parties = [buyer, merchant, operator];
        for (uint256 i = 0; i < parties.length; ++i) {
            terms.arbiter = parties[i];
            _fundReverts(terms, abi.encodeWithSelector(IEscrow.ArbiterIsParty.selector, parties[i]));
        }
    }

    function test_fund_reverts_when_the_buyer_named_at_funding_is_the_arbiter() public {
        Terms memory terms = tokenTerms();
        terms.buyer = address(0);
        expectRevertWith(abi.encodeWithSelector(IEscrow.ArbiterIsParty.selector, arbiter));
        vm.prank(buyer);
        escrow.fund(terms, arbiter);
    }

    function test_fund_reverts_when_a_payee_is_the_escrow() public {
        bytes memory reason = abi.encodeWithSelector(IEscrow.PayeeIsEscrow.selector);
        Terms memory terms = tokenTerms();
        terms.merchant = address(escrow);
        _fundReverts(terms, reason);
        terms = tokenTerms();
        terms.feeRecipient = address(escrow);
        _fundReverts(terms, reason);
        terms = tokenTerms();
        terms.buyer = address(escrow);
        expectRevertWith(reason);
        vm.prank(buyer);
        escrow.fund(terms, address(escrow));
    }

    function test_fund_reverts_when_the_delivery_period_is_out_of_bounds() public {
        Terms memory terms = tokenTerms();
        terms.deliveryPeriod = 0;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.DeliveryPeriodOutOfBounds.selector, 0));
        terms.deliveryPeriod = 400 days + 1;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.DeliveryPeriodOutOfBounds.selector, 400 days + 1));
    }

    function test_fund_reverts_when_only_some_dispute_terms_are_given() public {
        for (uint256 given = 1; given < 7; ++given) {
            Terms memory terms = tokenTerms();
            if (given & 1 == 0) terms.disputeWindow = 0;
            if (given & 2 == 0) terms.arbiter = address(0);
            if (given & 4 == 0) terms.arbitrationPeriod = 0;
            _fundReverts(
                terms,
                abi.encodeWithSelector(
                    IEscrow.DisputeTermsIncomplete.selector, terms.disputeWindow, terms.arbiter, terms.arbitrationPeriod
                )
            );
        }
    }

    function test_fund_reverts_when_the_dispute_window_is_out_of_bounds() public {
        Terms memory terms = tokenTerms();
        terms.disputeWindow = 1 hours - 1;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.DisputeWindowOutOfBounds.selector, 1 hours - 1));
        terms.disputeWindow = 400 days + 1;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.DisputeWindowOutOfBounds.selector, 400 days + 1));
    }

    function test_fund_reverts_when_the_arbitration_period_is_out_of_bounds() public {
        Terms memory terms = tokenTerms();
        terms.arbitrationPeriod = 1 days - 1;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.ArbitrationPeriodOutOfBounds.selector, 1 days - 1));
        terms.arbitrationPeriod = 400 days + 1;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.ArbitrationPeriodOutOfBounds.selector, 400 days + 1));
    }

    function test_fund_reverts_when_only_one_fee_term_is_given() public {
        Terms memory terms = tokenTerms();
        terms.feeBps = 0;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.FeeTermsIncomplete.selector, feeRecipient, 0));
        terms = tokenTerms();
        terms.feeRecipient = address(0);
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.FeeTermsIncomplete.selector, address(0), 250));
    }

    function test_fund_reverts_when_the_fee_is_more_than_everything() public {
        Terms memory terms = tokenTerms();
        terms.feeBps = 10_001;
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.FeeBpsOutOfBounds.selector, 10_001));
    }

    /// @dev Words with more bits than their type has would make a payment whose terms no decoder of logs could read.
    function test_fund_reverts_when_any_term_has_dirty_bits() public {
        Terms[2] memory good = [tokenTerms(), withoutFee(withoutDispute(tokenTerms()))];
        uint8[11] memory narrow = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11];
        for (uint256 g = 0; g < good.length; ++g) {
            bytes memory data = abi.encodeCall(IEscrow.fund, (good[g], buyer));
            for (uint256 i = 0; i < narrow.length; ++i) {
                uint256 topOfWord = 4 + 32 * uint256(narrow[i]);
                data[topOfWord] = 0x01;
                vm.prank(buyer);
                (bool succeeded,) = address(escrow).call(data);
                assertFalse(succeeded);
                data[topOfWord] = 0x00;
            }
            vm.prank(buyer);
            (bool clean,) = address(escrow).call(data);
            assertTrue(clean, "it was the bits");
        }
    }

    // given the deadline

    function test_fund_works_until_the_second_before_payBy() public {
        Terms memory terms = tokenTerms();
        vm.warp(terms.payBy - 1);
        fund(terms);
    }

    function test_fund_reverts_at_payBy() public {
        Terms memory terms = tokenTerms();
        vm.warp(terms.payBy);
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.FundTooLate.selector, terms.payBy, terms.payBy));
    }

    // given money that does not fit

    function test_fund_reverts_when_coin_is_too_little_or_too_much() public {
        Terms memory terms = coinTerms();
        uint256[3] memory wrong = [uint256(0), AMOUNT - 1, AMOUNT + 1];
        for (uint256 i = 0; i < wrong.length; ++i) {
            expectRevertWith(abi.encodeWithSelector(IEscrow.WrongCoinAmount.selector, wrong[i], AMOUNT));
            vm.prank(buyer);
            escrow.fund{value: wrong[i]}(terms, buyer);
        }
    }

    function test_fund_reverts_when_coin_comes_along_with_a_token() public {
        Terms memory terms = tokenTerms();
        expectRevertWith(abi.encodeWithSelector(IEscrow.CoinSentWithToken.selector, 1));
        vm.prank(buyer);
        escrow.fund{value: 1}(terms, buyer);
    }

    function test_fund_reverts_when_the_token_is_no_contract() public {
        Terms memory terms = tokenTerms();
        terms.token = makeAddr("no contract");
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.TokenHasNoCode.selector, terms.token));
    }

    function test_fund_passes_on_why_the_token_refused() public {
        Terms memory terms = tokenTerms();
        vm.prank(buyer);
        token.approve(address(escrow), AMOUNT - 1);
        vm.prank(buyer);
        vm.expectRevert(
            abi.encodeWithSignature(
                "ERC20InsufficientAllowance(address,uint256,uint256)", address(escrow), AMOUNT - 1, AMOUNT
            )
        );
        escrow.fund(terms, buyer);
    }

    function test_escrow_takes_no_stray_coin() public {
        vm.prank(buyer);
        (bool succeeded,) = address(escrow).call{value: 1}("");
        assertFalse(succeeded);
    }

    // given a payment that exists

    function test_fund_reverts_when_funded_already() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, Status.Funded));
    }

    function test_fund_reverts_when_the_payment_is_over() public {
        Terms memory terms = tokenTerms();
        bytes32 id = reach(terms, Status.Refunded);
        _fundReverts(terms, abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, Status.Refunded));
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Escrow} from "../src/Escrow.sol";
import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {TestToken} from "../src/TestToken.sol";
import {BatchCode, RelayedFundingTest, WalletCode} from "./support/SignedFundingTest.sol";
import {ISafe, SafeCounterpart} from "./support/counterparts/SafeCounterpart.sol";
import {Signing} from "./support/counterparts/Signing.sol";
import {IUsdc, UsdcCounterpart} from "./support/counterparts/UsdcCounterpart.sol";
import {UsdtLikeToken} from "./support/counterparts/UsdtLikeToken.sol";
import {WethCounterpart} from "./support/counterparts/WethCounterpart.sol";

contract FundWithAuthorizationTest is RelayedFundingTest {
    using UsdcCounterpart for IUsdc;
    using SafeCounterpart for ISafe;

    uint256 private constant AFTER = START - 1;
    uint256 private constant BEFORE = START + 1 hours;
    bytes private constant INVALID_SIGNATURE = "FiatTokenV2: invalid signature";

    function _authorization(Terms memory terms, address payer)
        private
        view
        returns (UsdcCounterpart.Authorization memory)
    {
        return UsdcCounterpart.Authorization(payer, address(escrow), terms.amount, AFTER, BEFORE, escrow.idOf(terms));
    }

    function digestOf(Terms memory terms, address payer) internal view override returns (bytes32) {
        return IUsdc(terms.token).receiveDigest(_authorization(terms, payer));
    }

    function fundSigned(Terms memory terms, address payer, bytes memory signature) internal override {
        escrow.fundWithAuthorization(terms, payer, AFTER, BEFORE, signature);
    }

    // given the payer's own signature

    function test_relayer_brings_the_buyers_money() public {
        Terms memory terms = tokenTerms();
        bytes memory signature = signed(terms);
        expectFunded(terms, buyer, buyer);
        relay(terms, buyer, signature);
        assertFunded(terms, buyer, buyer);
        assertState(escrow.idOf(terms), Status.Funded, START, 1);
        assertTrue(usdc.authorizationState(buyer, escrow.idOf(terms)));
    }

    function test_buyer_is_the_signer_not_the_relayer_when_the_terms_name_none() public {
        Terms memory terms = unnamed();
        relay(terms, buyer, signed(terms));
        assertFunded(terms, buyer, buyer);
    }

    function test_friend_signs_for_the_named_buyer() public {
        Terms memory terms = tokenTerms();
        usdc.issue(stranger, AMOUNT);
        bytes memory signature = Signing.sign(strangerKey, digestOf(terms, stranger));
        expectFunded(terms, stranger, buyer);
        relay(terms, stranger, signature);
        assertEq(usdc.balanceOf(buyer), 10 * AMOUNT);
        assertEq(escrow.stateOf(escrow.idOf(terms)).buyer, buyer);
    }

    function test_payer_himself_may_send_it() public {
        Terms memory terms = tokenTerms();
        bytes memory signature = signed(terms);
        vm.prank(buyer);
        fundSigned(terms, buyer, signature);
        assertFunded(terms, buyer, buyer);
    }

    function test_older_tokens_that_know_only_the_form_with_v_r_s() public {
        TestToken other = new TestToken();
        other.mint(buyer, 10 * AMOUNT);
        Terms memory terms = tokenTerms();
        terms.token = address(other);
        token = other;
        relay(terms, buyer, signed(terms));
        assertFunded(terms, buyer, buyer);
    }

    // given a contract wallet

    function test_safe_of_one_owner_signs_65_bytes() public {
        Terms memory terms = unnamed();
        bytes memory signature = safe.sign(buyerKey, digestOf(terms, address(safe)));
        assertEq(signature.length, 65);
        expectFunded(terms, address(safe), address(safe));
        relay(terms, address(safe), signature);
        assertFunded(terms, address(safe), address(safe));
    }

    function test_safe_of_two_owners_signs_130_bytes() public {
        Terms memory terms = unnamed();
        bytes memory signature = signByTwo(digestOf(terms, address(safeOfTwo)));
        assertEq(signature.length, 130);
        relay(terms, address(safeOfTwo), signature);
        assertFunded(terms, address(safeOfTwo), address(safeOfTwo));
    }

    function test_reverts_when_only_one_of_two_owners_signed() public {
        Terms memory terms = unnamed();
        bytes memory signature = safeOfTwo.sign(buyerKey, digestOf(terms, address(safeOfTwo)));
        relayReverts(terms, address(safeOfTwo), signature, INVALID_SIGNATURE);
    }

    function test_account_with_a_wallets_code_pays() public {
        giveCode(buyer, address(new WalletCode()));
        relay(tokenTerms(), buyer, signed(tokenTerms()));
        assertFunded(tokenTerms(), buyer, buyer);
    }

    /// @dev Here the token decides, and USDC no longer asks the key of an account that has code.
    function test_reverts_for_an_account_whose_code_knows_no_signatures() public {
        giveCode(buyer, address(new BatchCode()));
        relayReverts(tokenTerms(), buyer, signed(tokenTerms()), INVALID_SIGNATURE);
        assertUntouched(tokenTerms());
    }

    // given a relayer who wants something else than was signed

    function test_reverts_when_the_relayer_changes_any_field_of_the_terms() public {
        bytes memory signature = signed(tokenTerms());
        for (uint256 field = 0; field < TERMS_FIELDS; ++field) {
            Terms memory other = changed(tokenTerms(), field);
            relayReverts(other, buyer, signature, INVALID_SIGNATURE);
            assertUntouched(other);
        }
        relay(tokenTerms(), buyer, signature);
    }

    function test_reverts_when_the_relayer_unnames_the_buyer() public {
        relayReverts(unnamed(), buyer, signed(tokenTerms()), INVALID_SIGNATURE);
    }

    function test_reverts_when_the_relayer_names_himself_the_payer() public {
        usdc.issue(relayer, 10 * AMOUNT);
        relayReverts(unnamed(), relayer, signed(unnamed()), INVALID_SIGNATURE);
        assertEq(usdc.balanceOf(relayer), 10 * AMOUNT);
    }

    function test_reverts_when_the_relayer_stretches_the_times() public {
        bytes memory signature = signed(tokenTerms());
        vm.expectRevert(INVALID_SIGNATURE);
        escrow.fundWithAuthorization(tokenTerms(), buyer, AFTER - 1, BEFORE, signature);
        vm.expectRevert(INVALID_SIGNATURE);
        escrow.fundWithAuthorization(tokenTerms(), buyer, AFTER, BEFORE + 1, signature);
    }

    function test_reverts_when_signed_for_another_escrow() public {
        Escrow other = newEscrow();
        bytes memory signature = signed(tokenTerms());
        vm.expectRevert(INVALID_SIGNATURE);
        other.fundWithAuthorization(tokenTerms(), buyer, AFTER, BEFORE, signature);
        assertUntouched(tokenTerms());
    }

    function test_reverts_when_signed_for_another_chain() public {
        bytes memory signature = signed(tokenTerms());
        vm.chainId(10);
        relayReverts(tokenTerms(), buyer, signature, INVALID_SIGNATURE);
    }

    function test_reverts_when_the_nonce_is_not_the_payments_id() public {
        UsdcCounterpart.Authorization memory a = _authorization(tokenTerms(), buyer);
        a.nonce = keccak256("a nonce by chance");
        relayReverts(tokenTerms(), buyer, Signing.sign(buyerKey, usdc.receiveDigest(a)), INVALID_SIGNATURE);
    }

    function test_reverts_when_the_other_kind_of_authorization_was_signed() public {
        bytes32 digest = usdc.transferDigest(_authorization(tokenTerms(), buyer));
        relayReverts(tokenTerms(), buyer, Signing.sign(buyerKey, digest), INVALID_SIGNATURE);
    }

    // given a stranger who wants the buyer's money

    function test_stranger_cannot_use_the_authorization_at_the_token_and_the_payment_goes_through() public {
        UsdcCounterpart.Authorization memory a = _authorization(tokenTerms(), buyer);
        bytes memory signature = signed(tokenTerms());
        vm.startPrank(stranger);
        vm.expectRevert("FiatTokenV2: caller must be the payee");
        usdc.receiveWithAuthorization(a.from, a.to, a.value, AFTER, BEFORE, a.nonce, signature);
        vm.expectRevert(INVALID_SIGNATURE);
        usdc.transferWithAuthorization(a.from, a.to, a.value, AFTER, BEFORE, a.nonce, signature);
        vm.stopPrank();
        relay(tokenTerms(), buyer, signature);
        assertFunded(tokenTerms(), buyer, buyer);
    }

    function test_relayer_who_comes_second_finds_the_payment_funded_as_signed() public {
        bytes memory signature = signed(unnamed());
        vm.prank(stranger);
        fundSigned(unnamed(), buyer, signature);
        assertFunded(unnamed(), buyer, buyer);
        bytes32 id = escrow.idOf(unnamed());
        relayReverts(
            unnamed(), buyer, signature, abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, Status.Funded)
        );
    }

    function test_standing_allowance_is_no_signature() public {
        vm.prank(buyer);
        usdc.approve(address(escrow), ALL);
        relayReverts(tokenTerms(), buyer, new bytes(65), "ECRecover: invalid signature 'v' value");
        relayReverts(tokenTerms(), buyer, "", "ECRecover: invalid signature length");
        bytes memory signature = Signing.sign(strangerKey, digestOf(tokenTerms(), buyer));
        relayReverts(tokenTerms(), buyer, signature, INVALID_SIGNATURE);
        assertUntouched(tokenTerms());
    }

    function test_escrow_never_pays_out_of_what_it_holds() public {
        relay(tokenTerms(), buyer, signed(tokenTerms()));
        Terms memory terms = changed(tokenTerms(), 12);
        bytes memory signature = Signing.sign(strangerKey, digestOf(terms, address(escrow)));
        relayReverts(terms, address(escrow), signature, INVALID_SIGNATURE);
        relayReverts(terms, address(escrow), "", INVALID_SIGNATURE);
        assertEq(usdc.balanceOf(address(escrow)), AMOUNT);
    }

    // given a signature that is worn out

    function test_works_inside_its_times_and_nowhere_else() public {
        bytes memory signature = signed(tokenTerms());
        vm.warp(AFTER);
        relayReverts(tokenTerms(), buyer, signature, "FiatTokenV2: authorization is not yet valid");
        vm.warp(BEFORE);
        relayReverts(tokenTerms(), buyer, signature, "FiatTokenV2: authorization is expired");
        vm.warp(BEFORE - 1);
        relay(tokenTerms(), buyer, signature);
    }

    function test_reverts_when_the_payer_has_cancelled_it() public {
        bytes32 id = escrow.idOf(tokenTerms());
        usdc.cancelAuthorization(buyer, id, Signing.sign(buyerKey, usdc.cancelDigest(buyer, id)));
        relayReverts(tokenTerms(), buyer, signed(tokenTerms()), "FiatTokenV2: authorization is used or canceled");
    }

    function test_reverts_when_replayed_after_a_refund() public {
        bytes memory signature = signed(tokenTerms());
        relay(tokenTerms(), buyer, signature);
        refundAll(tokenTerms());
        bytes32 id = escrow.idOf(tokenTerms());
        relayReverts(
            tokenTerms(), buyer, signature, abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, Status.Refunded)
        );
        assertEq(usdc.balanceOf(buyer), 10 * AMOUNT);
    }

    function test_reverts_when_the_signature_is_mirrored_or_has_an_odd_length() public {
        bytes memory signature = signed(tokenTerms());
        relayReverts(tokenTerms(), buyer, Signing.malleated(signature), "ECRecover: invalid signature 's' value");
        relayReverts(tokenTerms(), buyer, Signing.compact(signature), "ECRecover: invalid signature length");
        relayReverts(tokenTerms(), buyer, bytes.concat(signature, "\x00"), "ECRecover: invalid signature length");
        assertUntouched(tokenTerms());
    }

    // given a token that does not play along

    function test_pause_and_blocklist_only_delay_it() public {
        bytes memory signature = signed(tokenTerms());
        usdc.setPaused(true);
        relayReverts(tokenTerms(), buyer, signature, "Pausable: paused");
        usdc.setPaused(false);
        usdc.setBlocked(buyer, true);
        relayReverts(tokenTerms(), buyer, signature, "Blacklistable: account is blacklisted");
        usdc.setBlocked(buyer, false);
        relay(tokenTerms(), buyer, signature);
        assertFunded(tokenTerms(), buyer, buyer);
    }

    function test_reverts_for_a_token_that_swallows_calls_it_does_not_know() public {
        Terms memory terms = tokenTerms();
        terms.token = address(WethCounterpart.deploy());
        bytes memory reason = abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 0, AMOUNT);
        relayReverts(terms, buyer, new bytes(65), reason);
        relayReverts(terms, buyer, new bytes(130), reason);
    }

    function test_reverts_for_a_token_without_authorizations() public {
        Terms memory terms = tokenTerms();
        terms.token = address(new UsdtLikeToken());
        relayReverts(terms, buyer, new bytes(65), "");
    }

    function test_reverts_for_coin_and_for_a_token_without_code() public {
        Terms memory terms = coinTerms();
        relayReverts(terms, buyer, new bytes(65), abi.encodeWithSelector(IEscrow.TokenHasNoCode.selector, address(0)));
        terms.token = makeAddr("no contract");
        relayReverts(terms, buyer, new bytes(65), abi.encodeWithSelector(IEscrow.TokenHasNoCode.selector, terms.token));
    }

    // given terms that do not fit

    function test_reverts_at_payBy() public {
        Terms memory terms = tokenTerms();
        terms.payBy = uint40(START + 1);
        bytes memory signature = signed(terms);
        vm.warp(START + 1);
        relayReverts(
            terms, buyer, signature, abi.encodeWithSelector(IEscrow.FundTooLate.selector, START + 1, START + 1)
        );
    }

    function test_reverts_when_the_signer_would_buy_from_himself() public {
        Terms memory terms = unnamed();
        terms.merchant = buyer;
        relayReverts(terms, buyer, signed(terms), abi.encodeWithSelector(IEscrow.BuyerIsMerchant.selector, buyer));
    }
}

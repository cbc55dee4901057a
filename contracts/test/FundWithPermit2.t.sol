// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Escrow} from "../src/Escrow.sol";
import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {IPermit2} from "../src/IPermit2.sol";
import {TestToken} from "../src/TestToken.sol";
import {BatchCode, RelayedFundingTest, WalletCode} from "./support/SignedFundingTest.sol";
import {FeeOnTransferToken} from "./support/BadTokens.sol";
import {ITruePermit2, Permit2Counterpart} from "./support/counterparts/Permit2Counterpart.sol";
import {ISafe, SafeCounterpart} from "./support/counterparts/SafeCounterpart.sol";
import {Signing} from "./support/counterparts/Signing.sol";
import {IUsdc, UsdcCounterpart} from "./support/counterparts/UsdcCounterpart.sol";
import {UsdtLikeToken} from "./support/counterparts/UsdtLikeToken.sol";
import {IWeth, WethCounterpart} from "./support/counterparts/WethCounterpart.sol";

contract FundWithPermit2Test is RelayedFundingTest {
    using UsdcCounterpart for IUsdc;
    using SafeCounterpart for ISafe;
    using WethCounterpart for IWeth;

    uint256 private constant NONCE = 0;
    uint256 private constant DEADLINE = START + 1 hours;
    string private constant WITNESS_TYPE =
        "Funding witness)Funding(bytes32 id,address payer,address buyer)TokenPermissions(address token,uint256 amount)";
    bytes private constant INVALID_SIGNER = abi.encodePacked(ITruePermit2.InvalidSigner.selector);

    ITruePermit2 private permit2;

    function setUp() public override {
        super.setUp();
        permit2 = Permit2Counterpart.deploy();
        _allow(address(usdc));
        bytes memory approval = abi.encodeCall(IERC20.approve, (address(permit2), ALL));
        safe.act(buyerKey, address(usdc), approval);
        vm.prank(address(safeOfTwo));
        usdc.approve(address(permit2), ALL);
    }

    function _allow(address token_) private {
        vm.prank(buyer);
        (bool approved,) = token_.call(abi.encodeCall(IERC20.approve, (address(permit2), ALL)));
        assertTrue(approved);
    }

    function _permit(Terms memory terms, uint256 nonce) private pure returns (IPermit2.PermitTransferFrom memory) {
        return IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(terms.token, terms.amount), nonce, DEADLINE);
    }

    function _witness(bytes32 id, address payer, address buyer_) private pure returns (bytes32) {
        return keccak256(abi.encode(keccak256("Funding(bytes32 id,address payer,address buyer)"), id, payer, buyer_));
    }

    function digestOf(Terms memory terms, address payer) internal view override returns (bytes32) {
        return _digestWith(terms, payer, NONCE);
    }

    function _digestWith(Terms memory terms, address payer, uint256 nonce) private view returns (bytes32) {
        bytes32 witness = _witness(escrow.idOf(terms), payer, terms.buyer == address(0) ? payer : terms.buyer);
        return Permit2Counterpart.digest(_permit(terms, nonce), address(escrow), witness, WITNESS_TYPE);
    }

    function fundSigned(Terms memory terms, address payer, bytes memory signature) internal override {
        escrow.fundWithPermit2(terms, payer, NONCE, DEADLINE, signature);
    }

    // given the payer's own signature

    function test_relayer_brings_the_buyers_money() public {
        Terms memory terms = tokenTerms();
        bytes memory signature = signed(terms);
        expectFunded(terms, buyer, buyer);
        relay(terms, buyer, signature);
        assertFunded(terms, buyer, buyer);
        assertState(escrow.idOf(terms), Status.Funded, START, 1);
    }

    function test_buyer_is_the_signer_not_the_relayer_when_the_terms_name_none() public {
        Terms memory terms = unnamed();
        relay(terms, buyer, signed(terms));
        assertFunded(terms, buyer, buyer);
    }

    function test_friend_signs_for_the_named_buyer() public {
        Terms memory terms = tokenTerms();
        usdc.issue(stranger, AMOUNT);
        vm.prank(stranger);
        usdc.approve(address(permit2), AMOUNT);
        bytes memory signature = Signing.sign(strangerKey, digestOf(terms, stranger));
        expectFunded(terms, stranger, buyer);
        relay(terms, stranger, signature);
        assertEq(usdc.balanceOf(buyer), 10 * AMOUNT);
        assertEq(escrow.stateOf(escrow.idOf(terms)).buyer, buyer);
    }

    function test_nonces_are_used_once_each_in_any_order() public {
        Terms memory terms = tokenTerms();
        uint256[3] memory nonces = [uint256(1), 0, uint256(keccak256("anywhere"))];
        for (uint256 i = 0; i < nonces.length; ++i) {
            terms.orderHash = bytes32(i);
            bytes memory signature = Signing.sign(buyerKey, _digestWith(terms, buyer, nonces[i]));
            vm.prank(relayer);
            escrow.fundWithPermit2(terms, buyer, nonces[i], DEADLINE, signature);
        }
        assertEq(permit2.nonceBitmap(buyer, 0), 3);
        assertEq(usdc.balanceOf(address(escrow)), 3 * AMOUNT);
    }

    function test_short_form_of_a_signature_is_as_good() public {
        relay(tokenTerms(), buyer, Signing.compact(signed(tokenTerms())));
        assertFunded(tokenTerms(), buyer, buyer);
    }

    /// @dev Permit2 takes the mirrored one too; it says the same, and the nonce is used up by whichever comes first.
    function test_mirrored_signature_pays_the_same_and_only_once() public {
        bytes memory signature = signed(tokenTerms());
        relay(tokenTerms(), buyer, Signing.malleated(signature));
        assertFunded(tokenTerms(), buyer, buyer);
        bytes32 id = escrow.idOf(tokenTerms());
        relayReverts(
            tokenTerms(), buyer, signature, abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, Status.Funded)
        );
    }

    // given other tokens: Permit2 works with all of them

    function test_token_that_answers_nothing_is_paid_with() public {
        UsdtLikeToken usdt = new UsdtLikeToken();
        usdt.issue(buyer, 10 * AMOUNT);
        _paysWith(address(usdt));
    }

    function test_wrapped_coin_is_paid_with() public {
        IWeth weth = WethCounterpart.deploy();
        weth.issue(buyer, 10 * AMOUNT);
        _paysWith(address(weth));
    }

    function _paysWith(address token_) private {
        _allow(token_);
        token = TestToken(token_);
        Terms memory terms = tokenTerms();
        relay(terms, buyer, signed(terms));
        assertFunded(terms, buyer, buyer);
    }

    // given a contract wallet

    function test_safe_of_one_owner_pays() public {
        Terms memory terms = unnamed();
        bytes memory signature = safe.sign(buyerKey, digestOf(terms, address(safe)));
        expectFunded(terms, address(safe), address(safe));
        relay(terms, address(safe), signature);
        assertFunded(terms, address(safe), address(safe));
    }

    function test_safe_of_two_owners_pays() public {
        Terms memory terms = unnamed();
        relay(terms, address(safeOfTwo), signByTwo(digestOf(terms, address(safeOfTwo))));
        assertFunded(terms, address(safeOfTwo), address(safeOfTwo));
    }

    function test_reverts_when_only_one_of_two_owners_signed() public {
        Terms memory terms = unnamed();
        bytes memory signature = safeOfTwo.sign(buyerKey, digestOf(terms, address(safeOfTwo)));
        relayReverts(terms, address(safeOfTwo), signature, abi.encodeWithSignature("Error(string)", "GS020"));
    }

    function test_account_with_a_wallets_code_pays() public {
        giveCode(buyer, address(new WalletCode()));
        relay(tokenTerms(), buyer, signed(tokenTerms()));
        assertFunded(tokenTerms(), buyer, buyer);
    }

    /// @dev Here Permit2 decides, and it no longer asks the key of an account that has code.
    function test_reverts_for_an_account_whose_code_knows_no_signatures() public {
        giveCode(buyer, address(new BatchCode()));
        relayReverts(tokenTerms(), buyer, signed(tokenTerms()), "");
        assertUntouched(tokenTerms());
    }

    // given a relayer who wants something else than was signed

    function test_reverts_when_the_relayer_changes_any_field_of_the_terms() public {
        bytes memory signature = signed(tokenTerms());
        for (uint256 field = 0; field < TERMS_FIELDS; ++field) {
            Terms memory other = changed(tokenTerms(), field);
            _allow(other.token);
            relayReverts(other, buyer, signature, INVALID_SIGNER);
            assertUntouched(other);
        }
        relay(tokenTerms(), buyer, signature);
    }

    function test_reverts_when_the_relayer_unnames_the_buyer() public {
        relayReverts(unnamed(), buyer, signed(tokenTerms()), INVALID_SIGNER);
    }

    function test_reverts_when_the_relayer_names_another_payer() public {
        vm.startPrank(relayer);
        usdc.approve(address(permit2), ALL);
        vm.stopPrank();
        usdc.issue(relayer, AMOUNT);
        relayReverts(unnamed(), relayer, signed(unnamed()), INVALID_SIGNER);
    }

    function test_reverts_when_nonce_or_deadline_are_not_the_signed_ones() public {
        bytes memory signature = signed(tokenTerms());
        vm.expectRevert(INVALID_SIGNER);
        escrow.fundWithPermit2(tokenTerms(), buyer, NONCE + 1, DEADLINE, signature);
        vm.expectRevert(INVALID_SIGNER);
        escrow.fundWithPermit2(tokenTerms(), buyer, NONCE, DEADLINE + 1, signature);
    }

    // given a signature for something else

    function test_reverts_when_payer_or_buyer_of_the_witness_are_others() public {
        bytes32 id = escrow.idOf(tokenTerms());
        bytes32[3] memory witnesses =
            [_witness(id, buyer, stranger), _witness(id, stranger, buyer), _witness(keccak256("id"), buyer, buyer)];
        for (uint256 i = 0; i < witnesses.length; ++i) {
            _signedWithRefused(witnesses[i], WITNESS_TYPE, address(escrow));
        }
    }

    function test_reverts_when_another_type_of_witness_was_signed() public {
        bytes32 witness = _witness(escrow.idOf(tokenTerms()), buyer, buyer);
        string memory other =
            "Funding witness)Funding(bytes32 id,address buyer,address payer)TokenPermissions(address token,uint256 amount)";
        _signedWithRefused(witness, other, address(escrow));
    }

    function test_reverts_when_signed_for_another_spender() public {
        _signedWithRefused(_witness(escrow.idOf(tokenTerms()), buyer, buyer), WITNESS_TYPE, relayer);
    }

    function _signedWithRefused(bytes32 witness, string memory witnessType, address spender) private {
        bytes32 digest = Permit2Counterpart.digest(_permit(tokenTerms(), NONCE), spender, witness, witnessType);
        relayReverts(tokenTerms(), buyer, Signing.sign(buyerKey, digest), INVALID_SIGNER);
        assertUntouched(tokenTerms());
    }

    function test_reverts_when_a_permit_without_witness_was_signed() public {
        bytes32 typehash = keccak256(
            "PermitTransferFrom(TokenPermissions permitted,address spender,uint256 nonce,uint256 deadline)TokenPermissions(address token,uint256 amount)"
        );
        bytes32 permitted =
            keccak256(abi.encode(keccak256("TokenPermissions(address token,uint256 amount)"), address(usdc), AMOUNT));
        bytes32 message = keccak256(abi.encode(typehash, permitted, address(escrow), NONCE, DEADLINE));
        bytes memory signature = Signing.sign(buyerKey, Signing.typed(permit2.DOMAIN_SEPARATOR(), message));
        relayReverts(tokenTerms(), buyer, signature, INVALID_SIGNER);
    }

    function test_reverts_when_signed_for_another_escrow() public {
        Escrow other = newEscrow();
        bytes memory signature = signed(tokenTerms());
        vm.expectRevert(INVALID_SIGNER);
        other.fundWithPermit2(tokenTerms(), buyer, NONCE, DEADLINE, signature);
    }

    function test_reverts_when_signed_for_another_chain() public {
        bytes memory signature = signed(tokenTerms());
        vm.chainId(10);
        relayReverts(tokenTerms(), buyer, signature, INVALID_SIGNER);
    }

    // given a stranger who wants the buyer's money

    function test_stranger_cannot_use_the_signature_at_permit2_and_the_payment_goes_through() public {
        bytes memory signature = signed(tokenTerms());
        IPermit2.PermitTransferFrom memory permit = _permit(tokenTerms(), NONCE);
        IPermit2.SignatureTransferDetails memory details = IPermit2.SignatureTransferDetails(stranger, AMOUNT);
        bytes32 witness = _witness(escrow.idOf(tokenTerms()), buyer, buyer);
        vm.startPrank(stranger);
        vm.expectRevert(INVALID_SIGNER);
        permit2.permitWitnessTransferFrom(permit, details, buyer, witness, WITNESS_TYPE, signature);
        vm.expectRevert(INVALID_SIGNER);
        permit2.permitTransferFrom(permit, details, buyer, signature);
        vm.stopPrank();
        relay(tokenTerms(), buyer, signature);
        assertFunded(tokenTerms(), buyer, buyer);
    }

    function test_standing_allowance_is_no_signature() public {
        vm.prank(buyer);
        usdc.approve(address(escrow), ALL);
        relayReverts(tokenTerms(), buyer, Signing.sign(strangerKey, digestOf(tokenTerms(), buyer)), INVALID_SIGNER);
        // A signature that recovers to nobody is not nobody's consent.
        relayReverts(tokenTerms(), buyer, new bytes(65), abi.encodePacked(ITruePermit2.InvalidSignature.selector));
        relayReverts(tokenTerms(), buyer, "", abi.encodePacked(ITruePermit2.InvalidSignatureLength.selector));
        assertUntouched(tokenTerms());
    }

    function test_escrow_never_pays_out_of_what_it_holds() public {
        relay(tokenTerms(), buyer, signed(tokenTerms()));
        Terms memory terms = changed(tokenTerms(), 12);
        bytes memory signature = Signing.sign(strangerKey, digestOf(terms, address(escrow)));
        relayReverts(terms, address(escrow), signature, "");
        assertEq(usdc.balanceOf(address(escrow)), AMOUNT);
    }

    // given a signature that is worn out

    function test_works_until_its_deadline_and_no_longer() public {
        bytes memory signature = signed(tokenTerms());
        vm.warp(DEADLINE + 1);
        relayReverts(
            tokenTerms(), buyer, signature, abi.encodeWithSelector(ITruePermit2.SignatureExpired.selector, DEADLINE)
        );
        vm.warp(DEADLINE);
        relay(tokenTerms(), buyer, signature);
    }

    function test_reverts_when_the_payer_has_taken_it_back() public {
        vm.prank(buyer);
        permit2.invalidateUnorderedNonces(0, 1);
        relayReverts(tokenTerms(), buyer, signed(tokenTerms()), abi.encodePacked(ITruePermit2.InvalidNonce.selector));
    }

    function test_reverts_when_replayed_after_a_refund() public {
        bytes memory signature = signed(tokenTerms());
        relay(tokenTerms(), buyer, signature);
        refundAll(tokenTerms());
        bytes32 id = escrow.idOf(tokenTerms());
        relayReverts(
            tokenTerms(), buyer, signature, abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, Status.Refunded)
        );
        relayReverts(changed(tokenTerms(), 12), buyer, signature, abi.encodePacked(ITruePermit2.InvalidNonce.selector));
        assertEq(usdc.balanceOf(buyer), 10 * AMOUNT);
    }

    // given something that does not play along

    function test_reverts_without_an_allowance_to_permit2() public {
        vm.prank(buyer);
        usdc.approve(address(permit2), 0);
        relayReverts(
            tokenTerms(), buyer, signed(tokenTerms()), abi.encodeWithSignature("Error(string)", "TRANSFER_FROM_FAILED")
        );
    }

    function test_reverts_where_the_chain_has_no_permit2() public {
        bytes memory signature = signed(tokenTerms());
        vm.etch(address(permit2), "");
        vm.expectRevert();
        relay(tokenTerms(), buyer, signature);
        assertUntouched(tokenTerms());
    }

    function test_reverts_when_the_token_keeps_a_fee() public {
        FeeOnTransferToken odd = new FeeOnTransferToken();
        odd.mint(buyer, AMOUNT);
        _allow(address(odd));
        Terms memory terms = tokenTerms();
        terms.token = address(odd);
        relayReverts(
            terms, buyer, signed(terms), abi.encodeWithSelector(IEscrow.WrongBalanceRise.selector, 0, 99e6, AMOUNT)
        );
    }

    function test_reverts_for_coin_and_for_a_token_without_code() public {
        address[2] memory nowhere = [address(0), makeAddr("no contract")];
        Terms memory terms = tokenTerms();
        for (uint256 i = 0; i < nowhere.length; ++i) {
            terms.token = nowhere[i];
            relayReverts(
                terms, buyer, signed(terms), abi.encodeWithSelector(IEscrow.TokenHasNoCode.selector, nowhere[i])
            );
        }
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
}

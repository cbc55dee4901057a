// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {TestToken} from "../src/TestToken.sol";
import {SignedFundingTest, BatchCode, WalletCode} from "./support/SignedFundingTest.sol";
import {ISafe, SafeCounterpart} from "./support/counterparts/SafeCounterpart.sol";
import {Signing} from "./support/counterparts/Signing.sol";
import {IUsdc, UsdcCounterpart} from "./support/counterparts/UsdcCounterpart.sol";
import {UsdtLikeToken} from "./support/counterparts/UsdtLikeToken.sol";
import {IWeth, WethCounterpart} from "./support/counterparts/WethCounterpart.sol";

contract FundWithPermitTest is SignedFundingTest {
    using UsdcCounterpart for IUsdc;
    using SafeCounterpart for ISafe;
    using WethCounterpart for IWeth;

    string private constant NO_ALLOWANCE = "ERC20: transfer amount exceeds allowance";

    uint256 private deadline = START + 1 hours;

    function _permit(uint256 value) private view returns (bytes memory signature) {
        return Signing.sign(buyerKey, usdc.permitDigest(buyer, address(escrow), value, usdc.nonces(buyer), deadline));
    }

    function _fund(address caller, Terms memory terms, bytes memory signature) private {
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(signature);
        vm.prank(caller);
        escrow.fundWithPermit(terms, buyer, deadline, v, r, s);
    }

    function _fundReverts(address caller, Terms memory terms, bytes memory signature, bytes memory reason) private {
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(signature);
        vm.expectRevert(reason);
        vm.prank(caller);
        escrow.fundWithPermit(terms, buyer, deadline, v, r, s);
    }

    // given the payer's own permit

    function test_permit_and_payment_in_one_tx() public {
        Terms memory terms = tokenTerms();
        expectFunded(terms, buyer, buyer);
        _fund(buyer, terms, _permit(AMOUNT));
        assertFunded(terms, buyer, buyer);
        assertState(escrow.idOf(terms), Status.Funded, START, 1);
        assertEq(usdc.allowance(buyer, address(escrow)), 0);
    }

    function test_permit_of_another_token_with_the_same_standard() public {
        TestToken other = new TestToken();
        other.mint(buyer, 10 * AMOUNT);
        Terms memory terms = tokenTerms();
        terms.token = address(other);
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        bytes32 message = keccak256(abi.encode(typehash, buyer, address(escrow), AMOUNT, 0, deadline));
        _fund(buyer, terms, Signing.sign(buyerKey, Signing.typed(other.DOMAIN_SEPARATOR(), message)));
        assertEq(other.balanceOf(address(escrow)), AMOUNT);
    }

    function test_friend_pays_for_the_named_buyer() public {
        Terms memory terms = tokenTerms();
        usdc.issue(stranger, AMOUNT);
        bytes memory signature =
            Signing.sign(strangerKey, usdc.permitDigest(stranger, address(escrow), AMOUNT, 0, deadline));
        expectFunded(terms, stranger, buyer);
        _fund(stranger, terms, signature);
        assertEq(usdc.balanceOf(buyer), 10 * AMOUNT);
        assertEq(escrow.stateOf(escrow.idOf(terms)).buyer, buyer);
    }

    function test_safe_pays_by_its_own_permit() public {
        Terms memory terms = unnamed();
        (uint8 v, bytes32 r, bytes32 s) =
            Signing.split(safe.sign(buyerKey, usdc.permitDigest(address(safe), address(escrow), AMOUNT, 0, deadline)));
        expectFunded(terms, address(safe), address(safe));
        safe.act(
            buyerKey, address(escrow), abi.encodeCall(IEscrow.fundWithPermit, (terms, address(safe), deadline, v, r, s))
        );
        assertFunded(terms, address(safe), address(safe));
    }

    // given somebody or something that gets in between

    function test_payment_goes_through_when_a_stranger_used_the_permit_first() public {
        bytes memory signature = _permit(AMOUNT);
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(signature);
        vm.prank(stranger);
        usdc.permit(buyer, address(escrow), AMOUNT, deadline, v, r, s);
        _fund(buyer, tokenTerms(), signature);
        assertFunded(tokenTerms(), buyer, buyer);
    }

    function test_standing_allowance_serves_when_the_permit_is_worth_nothing() public {
        vm.prank(buyer);
        usdc.approve(address(escrow), AMOUNT);
        _fund(buyer, tokenTerms(), new bytes(65));
        assertFunded(tokenTerms(), buyer, buyer);
    }

    function test_standing_allowance_serves_for_a_token_that_knows_no_permit() public {
        UsdtLikeToken usdt = new UsdtLikeToken();
        usdt.issue(buyer, AMOUNT);
        Terms memory terms = tokenTerms();
        terms.token = address(usdt);
        _fundReverts(buyer, terms, new bytes(65), "");
        vm.prank(buyer);
        usdt.approve(address(escrow), AMOUNT);
        _fund(buyer, terms, new bytes(65));
        assertEq(usdt.balanceOf(address(escrow)), AMOUNT);
    }

    /// @dev WETH's fallback answers a permit as if it had taken it.
    function test_permit_that_a_token_swallowed_gives_nothing_away() public {
        IWeth weth = WethCounterpart.deploy();
        weth.issue(buyer, AMOUNT);
        Terms memory terms = tokenTerms();
        terms.token = address(weth);
        _fundReverts(buyer, terms, new bytes(65), "");
        vm.prank(buyer);
        weth.approve(address(escrow), AMOUNT);
        _fundReverts(stranger, terms, new bytes(65), "");
        _fund(buyer, terms, new bytes(65));
        assertEq(weth.balanceOf(address(escrow)), AMOUNT);
    }

    // given a stranger who wants the buyer's money

    function test_stranger_cannot_spend_the_buyers_permit() public {
        _fundReverts(stranger, tokenTerms(), _permit(AMOUNT), bytes(NO_ALLOWANCE));
        assertUntouched(tokenTerms());
        assertEq(usdc.nonces(buyer), 0);
    }

    function test_stranger_cannot_spend_the_buyers_standing_allowance() public {
        vm.prank(buyer);
        usdc.approve(address(escrow), ALL);
        Terms memory terms = tokenTerms();
        terms.merchant = stranger;
        _fundReverts(stranger, terms, _permit(AMOUNT), bytes(NO_ALLOWANCE));
        vm.expectRevert(bytes(NO_ALLOWANCE));
        vm.prank(stranger);
        escrow.fund(terms, buyer);
        assertUntouched(terms);
    }

    function test_stranger_who_uses_the_permit_first_can_still_not_spend_it() public {
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(_permit(AMOUNT));
        usdc.permit(buyer, address(escrow), AMOUNT, deadline, v, r, s);
        usdc.issue(stranger, AMOUNT);
        Terms memory terms = tokenTerms();
        terms.merchant = relayer;
        vm.expectRevert(bytes(NO_ALLOWANCE));
        vm.prank(stranger);
        escrow.fund(terms, buyer);
        assertUntouched(terms);
    }

    // given a permit for something else

    function test_reverts_when_the_permit_is_for_another_amount() public {
        _fundReverts(buyer, tokenTerms(), _permit(AMOUNT - 1), bytes(NO_ALLOWANCE));
        _fundReverts(buyer, tokenTerms(), _permit(AMOUNT + 1), bytes(NO_ALLOWANCE));
    }

    function test_reverts_when_the_permit_is_for_another_escrow() public {
        bytes32 digest = usdc.permitDigest(buyer, address(newEscrow()), AMOUNT, 0, deadline);
        _fundReverts(buyer, tokenTerms(), Signing.sign(buyerKey, digest), bytes(NO_ALLOWANCE));
    }

    function test_reverts_when_the_permit_is_for_another_chain() public {
        bytes memory signature = _permit(AMOUNT);
        vm.chainId(10);
        _fundReverts(buyer, tokenTerms(), signature, bytes(NO_ALLOWANCE));
    }

    function test_reverts_when_the_permit_has_expired() public {
        bytes memory signature = _permit(AMOUNT);
        vm.warp(deadline);
        uint256 snapshot = vm.snapshotState();
        _fund(buyer, tokenTerms(), signature);
        vm.revertToState(snapshot);
        vm.warp(deadline + 1);
        _fundReverts(buyer, tokenTerms(), signature, bytes(NO_ALLOWANCE));
    }

    function test_reverts_when_the_signature_was_mirrored() public {
        _fundReverts(buyer, tokenTerms(), Signing.malleated(_permit(AMOUNT)), bytes(NO_ALLOWANCE));
    }

    function test_reverts_when_replayed_after_a_refund() public {
        bytes memory signature = _permit(AMOUNT);
        _fund(buyer, tokenTerms(), signature);
        refundAll(tokenTerms());
        bytes32 id = escrow.idOf(tokenTerms());
        _fundReverts(
            buyer, tokenTerms(), signature, abi.encodeWithSelector(IEscrow.AlreadyFunded.selector, id, Status.Refunded)
        );
        _fundReverts(buyer, changed(tokenTerms(), 12), signature, bytes(NO_ALLOWANCE));
    }

    // given terms that do not fit

    function test_reverts_for_another_buyer_than_the_named_one() public {
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(_permit(AMOUNT));
        expectRevertWith(abi.encodeWithSelector(IEscrow.BuyerNotNamed.selector, stranger, buyer));
        vm.prank(buyer);
        escrow.fundWithPermit(tokenTerms(), stranger, deadline, v, r, s);
    }

    function test_reverts_at_payBy() public {
        Terms memory terms = tokenTerms();
        terms.payBy = uint40(START + 1);
        vm.warp(START + 1);
        _fundReverts(
            buyer,
            terms,
            _permit(AMOUNT),
            abi.encodeWithSelector(IEscrow.FundTooLate.selector, terms.payBy, terms.payBy)
        );
    }

    function test_reverts_for_coin_and_for_a_token_without_code() public {
        address[2] memory nowhere = [address(0), makeAddr("no contract")];
        Terms memory terms = tokenTerms();
        for (uint256 i = 0; i < nowhere.length; ++i) {
            terms.token = nowhere[i];
            _fundReverts(
                buyer, terms, _permit(AMOUNT), abi.encodeWithSelector(IEscrow.TokenHasNoCode.selector, nowhere[i])
            );
        }
    }

    // given an account with code (EIP-7702): the token asks the code

    function test_account_with_a_wallets_code_pays() public {
        giveCode(buyer, address(new WalletCode()));
        _fund(buyer, tokenTerms(), _permit(AMOUNT));
        assertFunded(tokenTerms(), buyer, buyer);
    }

    function test_account_whose_code_knows_no_signatures_pays_by_its_allowance() public {
        giveCode(buyer, address(new BatchCode()));
        _fundReverts(buyer, tokenTerms(), _permit(AMOUNT), bytes(NO_ALLOWANCE));
        address[] memory targets = new address[](2);
        bytes[] memory calls = new bytes[](2);
        (targets[0], calls[0]) = (address(usdc), abi.encodeCall(usdc.approve, (address(escrow), AMOUNT)));
        (targets[1], calls[1]) = (address(escrow), abi.encodeCall(IEscrow.fund, (tokenTerms(), buyer)));
        vm.prank(buyer);
        BatchCode(buyer).run(targets, calls);
        assertFunded(tokenTerms(), buyer, buyer);
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

import {Escrow} from "../src/Escrow.sol";
import {IEscrow, Status, Terms} from "../src/IEscrow.sol";
import {BatchCode, SignedFundingTest, WalletCode} from "./support/SignedFundingTest.sol";
import {ISafe, SafeCounterpart} from "./support/counterparts/SafeCounterpart.sol";
import {Signing} from "./support/counterparts/Signing.sol";
import {IUsdc, UsdcCounterpart} from "./support/counterparts/UsdcCounterpart.sol";

/// @notice A wallet that answers what it is told to, right or wrong.
contract OddWallet {
    bytes private answer;
    bool private reverting;

    function set(bytes calldata answer_, bool reverting_) external {
        (answer, reverting) = (answer_, reverting_);
    }

    fallback(bytes calldata) external returns (bytes memory) {
        require(!reverting, "no");
        return answer;
    }
}

/// @notice A wallet that asks the escrow something while it is asked for a signature, and signs only if it got an answer.
contract CuriousWallet is IERC1271 {
    address private immutable ESCROW;
    bytes private question;

    constructor(address escrow) {
        ESCROW = escrow;
    }

    function setQuestion(bytes calldata question_) external {
        question = question_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        (bool answered,) = ESCROW.staticcall(question);
        return answered ? this.isValidSignature.selector : bytes4(0);
    }
}

contract ReleaseWithReceiptTest is SignedFundingTest {
    using SafeCounterpart for ISafe;
    using UsdcCounterpart for IUsdc;

    function setUp() public override {
        super.setUp();
        vm.prank(buyer);
        usdc.approve(address(escrow), ALL);
    }

    /// @dev The domain in words, so that a contract with another one can't agree.
    function _digest(bytes32 id, address buyer_, address where, uint256 chainId) private pure returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Earnest Escrow"),
                keccak256("1"),
                chainId,
                where
            )
        );
        return Signing.typed(domain, keccak256(abi.encode(keccak256("Receipt(bytes32 id,address buyer)"), id, buyer_)));
    }

    function _digest(Terms memory terms, address buyer_) private view returns (bytes32) {
        return _digest(escrow.idOf(terms), buyer_, address(escrow), block.chainid);
    }

    function _receipt(Terms memory terms) private view returns (bytes memory) {
        return Signing.sign(buyerKey, _digest(terms, buyer));
    }

    function _release(Terms memory terms, bytes memory signature) private {
        vm.prank(stranger);
        escrow.releaseWithReceipt(terms, signature);
    }

    function _releaseReverts(Terms memory terms, bytes memory signature) private {
        bytes32 id = escrow.idOf(terms);
        address buyer_ = escrow.stateOf(id).buyer;
        vm.expectRevert(abi.encodeWithSelector(IEscrow.NotBuyersReceipt.selector, id, buyer_));
        _release(terms, signature);
        assertEq(escrow.heldOf(terms), terms.amount);
    }

    // given the buyer's own receipt

    function test_anyone_releases_everything_with_the_buyers_receipt() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        bytes memory receipt = _receipt(terms);
        vm.warp(START + 5);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 2, Status.Released, 0, 97.5e6, 2.5e6, 0);
        _release(terms, receipt);
        assertEq(usdc.balanceOf(merchant), 97.5e6);
        assertEq(usdc.balanceOf(feeRecipient), 2.5e6);
        assertEq(usdc.balanceOf(stranger), 0);
        assertState(id, Status.Released, START + 5, 2);
    }

    function test_receipt_releases_in_every_status_that_holds_money() public {
        Status[3] memory holding = [Status.Funded, Status.Delivered, Status.Disputed];
        for (uint256 i = 0; i < holding.length; ++i) {
            Terms memory terms = tokenTerms();
            terms.orderHash = bytes32(i);
            bytes32 id = reach(terms, holding[i]);
            _release(terms, _receipt(terms));
            assertState(id, Status.Released, START, i + 2);
        }
    }

    function test_receipt_releases_coin() public {
        Terms memory terms = coinTerms();
        fund(terms);
        _release(terms, _receipt(terms));
        assertEq(merchant.balance, 97.5e6);
    }

    function test_receipt_releases_what_parts_have_left() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        vm.prank(merchant);
        escrow.refund(terms, 30e6);
        vm.prank(buyer);
        escrow.release(terms, 30e6);
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentReleased(id, 4, Status.Released, 0, 39e6, 1e6, 0);
        _release(terms, _receipt(terms));
    }

    function test_receipt_may_be_signed_before_the_payment_is_funded() public {
        bytes memory receipt = _receipt(tokenTerms());
        fund(tokenTerms());
        _release(tokenTerms(), receipt);
        assertEq(usdc.balanceOf(merchant), 97.5e6);
    }

    function test_receipt_is_the_named_buyers_when_a_friend_paid() public {
        Terms memory terms = tokenTerms();
        usdc.issue(stranger, AMOUNT);
        vm.startPrank(stranger);
        usdc.approve(address(escrow), AMOUNT);
        escrow.fund(terms, buyer);
        vm.stopPrank();
        _releaseReverts(terms, Signing.sign(strangerKey, _digest(terms, stranger)));
        _releaseReverts(terms, Signing.sign(strangerKey, _digest(terms, buyer)));
        _release(terms, _receipt(terms));
    }

    // given a buyer with a contract wallet

    function _fundFor(address wallet) private returns (Terms memory terms) {
        terms = unnamed();
        vm.prank(buyer);
        escrow.fund(terms, wallet);
    }

    function test_safe_signs_a_receipt() public {
        Terms memory terms = _fundFor(address(safe));
        // The owner's plain signature is not the Safe's.
        _releaseReverts(terms, Signing.sign(buyerKey, _digest(terms, address(safe))));
        _release(terms, safe.sign(buyerKey, _digest(terms, address(safe))));
        assertEq(usdc.balanceOf(merchant), 97.5e6);
    }

    function test_safe_of_two_signs_a_receipt_with_both() public {
        Terms memory terms = _fundFor(address(safeOfTwo));
        _releaseReverts(terms, safeOfTwo.sign(buyerKey, _digest(terms, address(safeOfTwo))));
        _release(terms, signByTwo(_digest(terms, address(safeOfTwo))));
        assertEq(usdc.balanceOf(merchant), 97.5e6);
    }

    function test_wallet_that_answers_anything_but_yes_has_not_signed() public {
        OddWallet wallet = new OddWallet();
        Terms memory terms = _fundFor(address(wallet));
        bytes4 yes = IERC1271.isValidSignature.selector;
        bytes[5] memory answers = [
            bytes(""),
            abi.encodePacked(yes), // too short for a word
            abi.encode(bytes4(0xffffffff)),
            abi.encode(uint256(1)),
            abi.encodePacked(yes, bytes28(type(uint224).max)) // dirty behind the four bytes
        ];
        for (uint256 i = 0; i < answers.length; ++i) {
            wallet.set(answers[i], false);
            _releaseReverts(terms, "anything");
        }
        wallet.set(abi.encode(yes), true);
        _releaseReverts(terms, "anything");
        wallet.set(abi.encode(yes), false);
        _release(terms, "anything");
    }

    function test_wallet_that_is_asked_for_a_receipt_learns_nothing_of_payments_meanwhile() public {
        CuriousWallet wallet = new CuriousWallet(address(escrow));
        Terms memory terms = _fundFor(address(wallet));
        bytes32 id = escrow.idOf(terms);
        bytes[7] memory questions = [
            abi.encodeCall(IEscrow.idOf, (terms)),
            abi.encodeCall(IEscrow.stateOf, (id)),
            abi.encodeCall(IEscrow.statesOf, (new bytes32[](1))),
            abi.encodeCall(IEscrow.heldOf, (terms)),
            abi.encodeCall(IEscrow.creditOf, (buyer, terms.token)),
            abi.encodeCall(IEscrow.depositAddressOf, (id)),
            abi.encodeCall(IEscrow.isDismissed, (merchant, operator))
        ];
        for (uint256 i = 0; i < questions.length; ++i) {
            wallet.setQuestion(questions[i]);
            _releaseReverts(terms, "");
        }
        // Terms alone say nothing of any payment, and may be asked about at any time.
        wallet.setQuestion(abi.encodeCall(IEscrow.checkTerms, (terms, buyer)));
        _release(terms, "");
    }

    // given an account with code (EIP-7702): first its key, then its code

    function test_account_whose_code_knows_no_signatures_signs_with_its_key() public {
        fund(tokenTerms());
        giveCode(buyer, address(new BatchCode()));
        _release(tokenTerms(), _receipt(tokenTerms()));
        assertEq(usdc.balanceOf(merchant), 97.5e6);
    }

    function test_account_with_a_wallets_code_signs_with_its_key() public {
        fund(tokenTerms());
        giveCode(buyer, address(new WalletCode()));
        _releaseReverts(tokenTerms(), Signing.sign(strangerKey, _digest(tokenTerms(), buyer)));
        _release(tokenTerms(), _receipt(tokenTerms()));
    }

    // given a receipt for something else

    function test_receipt_for_terms_with_any_other_field_is_refused() public {
        Terms memory terms = tokenTerms();
        fund(terms);
        for (uint256 field = 0; field < TERMS_FIELDS; ++field) {
            _releaseReverts(terms, _receipt(changed(terms, field)));
        }
    }

    function test_receipt_of_one_payment_is_of_no_use_for_the_buyers_other_one() public {
        Terms memory other = changed(tokenTerms(), 12);
        fund(tokenTerms());
        fund(other);
        bytes memory receipt = _receipt(tokenTerms());
        _releaseReverts(other, receipt);
        _release(tokenTerms(), receipt);
        _releaseReverts(other, receipt);
    }

    function test_receipt_that_names_another_buyer_is_refused() public {
        fund(tokenTerms());
        _releaseReverts(tokenTerms(), Signing.sign(buyerKey, _digest(tokenTerms(), stranger)));
    }

    /// @dev A receipt signed ahead must not serve whoever funded the unnamed terms instead.
    function test_receipt_of_one_buyer_is_of_no_use_when_another_one_paid() public {
        Terms memory terms = unnamed();
        bytes memory receipt = _receipt(terms);
        vm.prank(buyer);
        escrow.fund(terms, stranger);
        _releaseReverts(terms, receipt);
    }

    function test_receipt_for_another_escrow_is_refused() public {
        Terms memory terms = tokenTerms();
        bytes32 id = fund(terms);
        Escrow other = newEscrow();
        _releaseReverts(terms, Signing.sign(buyerKey, _digest(id, buyer, address(other), block.chainid)));
        _releaseReverts(
            terms, Signing.sign(buyerKey, _digest(other.idOf(terms), buyer, address(escrow), block.chainid))
        );
    }

    /// @dev After a fork of the chain both sides know the payment by the same id; only the live chain id tells them apart.
    function test_receipt_for_the_other_side_of_a_fork_is_refused() public {
        bytes32 id = fund(tokenTerms());
        bytes memory before = _receipt(tokenTerms());
        vm.chainId(10_001);
        assertEq(escrow.idOf(tokenTerms()), id);
        _releaseReverts(tokenTerms(), before);
        _release(tokenTerms(), Signing.sign(buyerKey, _digest(id, buyer, address(escrow), 10_001)));
    }

    function test_nobody_elses_signature_is_a_receipt() public {
        fund(tokenTerms());
        (address merchant_, uint256 merchantKey) = makeAddrAndKey("merchant");
        assertEq(merchant_, merchant);
        bytes32 digest = _digest(tokenTerms(), buyer);
        _releaseReverts(tokenTerms(), Signing.sign(merchantKey, digest));
        _releaseReverts(tokenTerms(), Signing.sign(strangerKey, digest));
        // The buyer's signature of another kind: the bare hash as a message.
        bytes32 message = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digest));
        _releaseReverts(tokenTerms(), Signing.sign(buyerKey, message));
    }

    // given a signature in a form that is not one

    function test_mirrored_short_and_long_signatures_are_refused() public {
        fund(tokenTerms());
        bytes memory receipt = _receipt(tokenTerms());
        _releaseReverts(tokenTerms(), Signing.malleated(receipt));
        _releaseReverts(tokenTerms(), Signing.compact(receipt));
        _releaseReverts(tokenTerms(), "");
        _releaseReverts(tokenTerms(), new bytes(65));
        _releaseReverts(tokenTerms(), bytes.concat(receipt, "\x00"));
        receipt[64] = bytes1(uint8(receipt[64]) - 27);
        _releaseReverts(tokenTerms(), receipt);
    }

    function test_no_random_bytes_are_a_receipt(bytes calldata signature) public {
        fund(tokenTerms());
        _releaseReverts(tokenTerms(), signature);
    }

    // given a payment that holds nothing

    function test_reverts_when_never_funded() public {
        bytes memory receipt = _receipt(tokenTerms());
        vm.expectRevert(abi.encodeWithSelector(IEscrow.NotFunded.selector, escrow.idOf(tokenTerms())));
        escrow.releaseWithReceipt(tokenTerms(), receipt);
    }

    function test_reverts_in_every_status_that_holds_nothing() public {
        Status[4] memory over = [Status.Released, Status.Refunded, Status.Reclaimed, Status.Resolved];
        for (uint256 i = 0; i < over.length; ++i) {
            Terms memory terms = tokenTerms();
            (terms.orderHash, terms.payBy) = (bytes32(i), uint40(block.timestamp + 1 days));
            bytes32 id = reach(terms, over[i]);
            bytes memory receipt = _receipt(terms);
            vm.expectRevert(abi.encodeWithSelector(IEscrow.WrongStatus.selector, id, over[i]));
            escrow.releaseWithReceipt(terms, receipt);
        }
    }
}

// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Escrow} from "../../src/Escrow.sol";
import {IEscrow, Status, Terms} from "../../src/IEscrow.sol";
import {TestToken} from "../../src/TestToken.sol";
import {EscrowTest} from "./EscrowTest.sol";
import {ISafe, SafeCounterpart} from "./counterparts/SafeCounterpart.sol";
import {Signing} from "./counterparts/Signing.sol";
import {IUsdc, UsdcCounterpart} from "./counterparts/UsdcCounterpart.sol";

/// @notice Code for an account (EIP-7702) that answers for the signatures of the account's own key.
contract WalletCode is IERC1271 {
    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(signature);
        return ecrecover(digest, v, r, s) == address(this) ? this.isValidSignature.selector : bytes4(0);
    }
}

/// @notice Code for an account (EIP-7702) that knows nothing of signatures, as many of those in use.
contract BatchCode {
    function run(address[] calldata targets, bytes[] calldata calls) external {
        require(msg.sender == address(this), "not the account itself");
        for (uint256 i = 0; i < targets.length; ++i) {
            (bool done,) = targets[i].call(calls[i]);
            require(done, "a call failed");
        }
    }
}

/// @notice What the tests of payments by signature start from: USDC, a buyer with a key, and Safes of his.
abstract contract SignedFundingTest is EscrowTest {
    using UsdcCounterpart for IUsdc;

    uint256 internal constant TERMS_FIELDS = 13;

    uint256 internal buyerKey;
    uint256 internal strangerKey;
    address internal relayer = makeAddr("relayer");
    IUsdc internal usdc;
    /// @dev The wallet of the buyer alone, and the one that he shares with the stranger.
    ISafe internal safe;
    ISafe internal safeOfTwo;

    function setUp() public virtual override {
        super.setUp();
        (, buyerKey) = makeAddrAndKey("buyer");
        (, strangerKey) = makeAddrAndKey("stranger");
        usdc = UsdcCounterpart.deploy();
        token = TestToken(address(usdc));
        safe = SafeCounterpart.deploy(buyer);
        safeOfTwo = SafeCounterpart.deploy(_twoOwners());
        usdc.issue(buyer, 10 * AMOUNT);
        usdc.issue(address(safe), 10 * AMOUNT);
        usdc.issue(address(safeOfTwo), 10 * AMOUNT);
    }

    function unnamed() internal view returns (Terms memory terms) {
        terms = tokenTerms();
        terms.buyer = address(0);
    }

    /// @dev Both owners' signatures; a Safe wants them in the order of the owners' addresses.
    function signByTwo(bytes32 digest) internal view returns (bytes memory) {
        bytes memory buyers = SafeCounterpart.sign(safeOfTwo, buyerKey, digest);
        bytes memory strangers = SafeCounterpart.sign(safeOfTwo, strangerKey, digest);
        return buyer < stranger ? bytes.concat(buyers, strangers) : bytes.concat(strangers, buyers);
    }

    /// @dev The terms with one of their fields changed, so that they are still good terms. The payer has the other token too.
    function changed(Terms memory original, uint256 field) internal returns (Terms memory terms) {
        terms = abi.decode(abi.encode(original), (Terms));
        if (field == 0) terms.buyer = makeAddr("another buyer");
        if (field == 1) terms.merchant = makeAddr("another merchant");
        if (field == 2) terms.operator = makeAddr("another operator");
        if (field == 3) terms.arbiter = makeAddr("another arbiter");
        if (field == 4) terms.token = address(_anotherUsdc());
        if (field == 5) terms.amount -= 1;
        if (field == 6) terms.feeRecipient = makeAddr("another fee recipient");
        if (field == 7) terms.feeBps += 1;
        if (field == 8) terms.payBy += 1;
        if (field == 9) terms.deliveryPeriod += 1;
        if (field == 10) terms.disputeWindow += 1;
        if (field == 11) terms.arbitrationPeriod += 1;
        if (field == 12) terms.orderHash = keccak256("another order");
        assertNotEq(escrow.idOf(terms), escrow.idOf(original), "nothing was changed");
    }

    /// @dev What an upgrade of the account by EIP-7702 leaves: the key's own address, with code.
    function giveCode(address account, address code) internal {
        vm.etch(account, abi.encodePacked(hex"ef0100", code));
    }

    function refundAll(Terms memory terms) internal {
        vm.prank(merchant);
        escrow.refund(terms, ALL);
    }

    function assertFunded(Terms memory terms, address payer, address buyer_) internal view {
        assertEq(escrow.heldOf(terms), AMOUNT, "held");
        assertEq(escrow.stateOf(escrow.idOf(terms)).buyer, buyer_, "buyer");
        assertEq(token.balanceOf(address(escrow)), AMOUNT, "the escrow's tokens");
        assertEq(token.balanceOf(payer), 9 * AMOUNT, "the payer's tokens");
    }

    /// @dev Nothing was taken from the buyer, nor kept.
    function assertUntouched(Terms memory terms) internal view {
        assertEq(uint8(escrow.stateOf(escrow.idOf(terms)).status), uint8(Status.None), "status");
        assertEq(IERC20(terms.token).balanceOf(address(escrow)), 0, "the escrow's tokens");
        assertEq(IERC20(terms.token).balanceOf(buyer), 10 * AMOUNT, "the buyer's tokens");
    }

    function expectFunded(Terms memory terms, address payer, address buyer_) internal {
        vm.expectEmit(address(escrow));
        emit IEscrow.PaymentFunded(escrow.idOf(terms), 1, Status.Funded, terms.amount, payer, buyer_, terms);
    }

    function _anotherUsdc() private returns (IUsdc another) {
        another = UsdcCounterpart.deploy();
        another.issue(buyer, 10 * AMOUNT);
    }

    function _twoOwners() private view returns (address[] memory owners) {
        owners = new address[](2);
        (owners[0], owners[1]) = (buyer, stranger);
    }
}

/// @notice What the tests of payments that anyone may bring start from: the payer signs, a relayer sends.
abstract contract RelayedFundingTest is SignedFundingTest {
    /// @dev What the payer's wallet shows him and hashes, with everything as it should be.
    function digestOf(Terms memory terms, address payer) internal view virtual returns (bytes32);

    /// @dev Sends what the payer signed by the verb under test, whoever the caller is.
    function fundSigned(Terms memory terms, address payer, bytes memory signature) internal virtual;

    function signed(Terms memory terms) internal view returns (bytes memory) {
        return Signing.sign(buyerKey, digestOf(terms, buyer));
    }

    function relay(Terms memory terms, address payer, bytes memory signature) internal {
        vm.prank(relayer);
        fundSigned(terms, payer, signature);
    }

    function relayReverts(Terms memory terms, address payer, bytes memory signature, bytes memory reason) internal {
        vm.expectRevert(reason);
        relay(terms, payer, signature);
    }
}

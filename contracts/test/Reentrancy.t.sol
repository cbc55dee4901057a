// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IEscrow, Item, Terms} from "../src/IEscrow.sol";
import {HookedToken} from "./support/BadTokens.sol";
import {EscrowTest} from "./support/EscrowTest.sol";
import {IPermit2, Permit2Counterpart} from "./support/counterparts/Permit2Counterpart.sol";
import {Signing} from "./support/counterparts/Signing.sol";

/// @notice Takes every signature for good, and calls back from each function that the escrow calls.
contract ObligingToken is HookedToken {
    function permit(address owner, address spender, uint256 value, uint256, uint8, bytes32, bytes32) external {
        _approve(owner, spender, value);
        (succeeded, answer) = target.call(data);
        target = address(0); // not from the transfer that follows
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _transfer(from, to, value);
    }

    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256,
        uint256,
        bytes32,
        bytes calldata
    ) external {
        _transfer(from, to, value);
    }
}

/// @notice Asks the escrow something while the escrow asks it for a signature, and signs only if it got an answer.
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

contract ReentrancyTest is EscrowTest {
    uint256 private constant VIEWS = 7;

    ObligingToken private odd;
    IPermit2 private permit2;
    uint256 private buyerKey;

    function setUp() public override {
        super.setUp();
        (, buyerKey) = makeAddrAndKey("buyer");
        permit2 = Permit2Counterpart.deploy();
        odd = new ObligingToken();
        odd.mint(buyer, 1000 * AMOUNT);
        vm.startPrank(buyer);
        odd.approve(address(escrow), ALL);
        odd.approve(address(permit2), ALL);
        vm.stopPrank();
    }

    // given a token that calls back

    function test_nothing_can_be_reentered_from_fund() public {
        _tryEverything(this.byAllowance);
    }

    function test_nothing_can_be_reentered_from_fundWithPermit() public {
        _tryEverything(this.byPermit);
    }

    function test_nothing_can_be_reentered_from_fundWithAuthorization() public {
        _tryEverything(this.byAuthorization);
        _tryEverything(this.byWalletsAuthorization);
    }

    function test_nothing_can_be_reentered_from_fundWithPermit2() public {
        _tryEverything(this.byPermit2);
    }

    function test_nothing_can_be_reentered_from_a_push() public {
        _tryEverything(this.byRefund);
    }

    // given a wallet that asks back

    function test_views_tell_nothing_to_a_wallet_that_is_asked_for_a_receipt() public {
        CuriousWallet wallet = new CuriousWallet(address(escrow));
        Terms memory terms = tokenTerms();
        terms.buyer = address(wallet);
        fund(terms);
        bytes[] memory calls = _everyCall(terms);
        for (uint256 i = 0; i < VIEWS; ++i) {
            wallet.setQuestion(calls[i]);
            bytes32 id = escrow.idOf(terms);
            vm.expectRevert(abi.encodeWithSelector(IEscrow.NotBuyersReceipt.selector, id, address(wallet)));
            escrow.releaseWithReceipt(terms, "");
        }
        // What tells nothing about any payment may be asked at any time.
        wallet.setQuestion(abi.encodeCall(IEscrow.checkTerms, (terms, address(wallet))));
        escrow.releaseWithReceipt(terms, "");
    }

    // ------------------------------------------------------------------------------------ ways into the token's code

    function byAllowance(Terms memory terms) external {
        fund(terms);
    }

    function byPermit(Terms memory terms) external {
        vm.prank(buyer);
        escrow.fundWithPermit(terms, buyer, block.timestamp, 27, 0, 0);
    }

    function byAuthorization(Terms memory terms) external {
        escrow.fundWithAuthorization(terms, buyer, 0, ALL, new bytes(65));
    }

    function byWalletsAuthorization(Terms memory terms) external {
        escrow.fundWithAuthorization(terms, buyer, 0, ALL, new bytes(130));
    }

    function byPermit2(Terms memory terms) external {
        string memory witnessType =
            "Funding witness)Funding(bytes32 id,address payer,address buyer)TokenPermissions(address token,uint256 amount)";
        bytes32 id = escrow.idOf(terms);
        bytes32 witness =
            keccak256(abi.encode(keccak256("Funding(bytes32 id,address payer,address buyer)"), id, buyer, buyer));
        IPermit2.PermitTransferFrom memory permit = IPermit2.PermitTransferFrom(
            IPermit2.TokenPermissions(terms.token, terms.amount), uint256(id), block.timestamp
        );
        bytes32 digest = Permit2Counterpart.digest(permit, address(escrow), witness, witnessType);
        escrow.fundWithPermit2(terms, buyer, uint256(id), block.timestamp, Signing.sign(buyerKey, digest));
    }

    function byRefund(Terms memory terms) external {
        (address target, bytes memory data) = (odd.target(), odd.data());
        odd.setHook(address(0), "");
        fund(terms);
        odd.setHook(target, data);
        vm.prank(merchant);
        escrow.refund(terms, ALL);
    }

    // ------------------------------------------------------------------------------------------- what is tried there

    function _tryEverything(function(Terms memory) external way) private {
        Terms memory terms = tokenTerms();
        terms.token = address(odd);
        bytes[] memory calls = _everyCall(terms);
        for (uint256 i = 0; i < calls.length; ++i) {
            odd.setHook(address(escrow), calls[i]);
            terms.orderHash = keccak256(abi.encode(way.selector, i));
            way(terms);
            assertFalse(odd.succeeded());
            assertEq(
                odd.answer(),
                abi.encodePacked(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector),
                vm.toString(calls[i])
            );
            odd.setHook(address(0), "");
        }
    }

    /// @dev First the views, then every verb. None of the verbs has to make sense: the lock comes before all else.
    function _everyCall(Terms memory terms) private view returns (bytes[] memory calls) {
        Item[] memory items = new Item[](1);
        items[0] = Item(buyer, AMOUNT, terms.payBy, terms.orderHash);
        calls = new bytes[](VIEWS + 17);
        calls[0] = abi.encodeCall(IEscrow.idOf, (terms));
        calls[1] = abi.encodeCall(IEscrow.stateOf, (bytes32(0)));
        calls[2] = abi.encodeCall(IEscrow.statesOf, (new bytes32[](1)));
        calls[3] = abi.encodeCall(IEscrow.heldOf, (terms));
        calls[4] = abi.encodeCall(IEscrow.creditOf, (buyer, terms.token));
        calls[5] = abi.encodeCall(IEscrow.depositAddressOf, (bytes32(0)));
        calls[6] = abi.encodeCall(IEscrow.isDismissed, (merchant, operator));
        calls[7] = abi.encodeCall(IEscrow.fund, (terms, buyer));
        calls[8] = abi.encodeCall(IEscrow.fundWithPermit, (terms, buyer, 0, 27, 0, 0));
        calls[9] = abi.encodeCall(IEscrow.fundWithAuthorization, (terms, buyer, 0, 0, ""));
        calls[10] = abi.encodeCall(IEscrow.fundWithPermit2, (terms, buyer, 0, 0, ""));
        calls[11] = abi.encodeCall(IEscrow.collect, (terms, terms.token));
        calls[12] = abi.encodeCall(IEscrow.confirmDelivery, (terms));
        calls[13] = abi.encodeCall(IEscrow.release, (terms, ALL));
        calls[14] = abi.encodeCall(IEscrow.releaseWithReceipt, (terms, ""));
        calls[15] = abi.encodeCall(IEscrow.refund, (terms, ALL));
        calls[16] = abi.encodeCall(IEscrow.reclaim, (terms));
        calls[17] = abi.encodeCall(IEscrow.dispute, (terms));
        calls[18] = abi.encodeCall(IEscrow.resolve, (terms, 0, AMOUNT));
        calls[19] = abi.encodeCall(IEscrow.repay, (terms, ALL));
        calls[20] = abi.encodeCall(IEscrow.releaseMany, (terms, items));
        calls[21] = abi.encodeCall(IEscrow.confirmDeliveryMany, (terms, items));
        calls[22] = abi.encodeCall(IEscrow.dismissOperator, (operator));
        calls[23] = abi.encodeCall(IEscrow.withdraw, (buyer, terms.token));
    }
}

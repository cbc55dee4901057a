// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {Test} from "forge-std/Test.sol";

import {IPermit2} from "../src/IPermit2.sol";
import {ITruePermit2, Permit2Counterpart} from "./support/counterparts/Permit2Counterpart.sol";
import {ISafe, SafeCounterpart} from "./support/counterparts/SafeCounterpart.sol";
import {Signing} from "./support/counterparts/Signing.sol";
import {IUsdc, UsdcCounterpart} from "./support/counterparts/UsdcCounterpart.sol";
import {UsdtLikeToken} from "./support/counterparts/UsdtLikeToken.sol";
import {IWeth, WethCounterpart} from "./support/counterparts/WethCounterpart.sol";

abstract contract CounterpartTest is Test {
    address internal owner;
    uint256 internal ownerKey;
    address internal other = makeAddr("other");
    address internal spender = makeAddr("spender");

    function setUp() public virtual {
        (owner, ownerKey) = makeAddrAndKey("owner");
        vm.warp(1_700_000_000);
    }
}

contract UsdcCounterpartTest is CounterpartTest {
    using UsdcCounterpart for IUsdc;
    using SafeCounterpart for ISafe;

    IUsdc internal usdc;

    function setUp() public override {
        super.setUp();
        usdc = UsdcCounterpart.deploy();
        usdc.issue(owner, 100e6);
    }

    function test_usdc_calls_itself_what_the_true_one_does() public view {
        assertEq(usdc.name(), "USD Coin");
        assertEq(usdc.symbol(), "USDC");
        assertEq(usdc.version(), "2");
        assertEq(usdc.decimals(), 6);
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("USD Coin"),
                keccak256("2"),
                block.chainid,
                address(usdc)
            )
        );
        assertEq(usdc.DOMAIN_SEPARATOR(), domain);
    }

    function test_usdc_moves_nothing_from_or_to_a_blocked_account() public {
        usdc.setBlocked(owner, true);
        vm.prank(owner);
        vm.expectRevert("Blacklistable: account is blacklisted");
        usdc.transfer(other, 1);
        usdc.setBlocked(owner, false);
        usdc.setBlocked(other, true);
        vm.prank(owner);
        vm.expectRevert("Blacklistable: account is blacklisted");
        usdc.transfer(other, 1);
    }

    function test_usdc_moves_nothing_while_paused() public {
        usdc.setPaused(true);
        vm.prank(owner);
        vm.expectRevert("Pausable: paused");
        usdc.transfer(other, 1);
        usdc.setPaused(false);
        vm.prank(owner);
        usdc.transfer(other, 1);
        assertEq(usdc.balanceOf(other), 1);
    }

    function test_usdc_takes_a_permit_once() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(ownerKey, usdc.permitDigest(owner, spender, 7, 0, block.timestamp));
        usdc.permit(owner, spender, 7, block.timestamp, v, r, s);
        assertEq(usdc.allowance(owner, spender), 7);
        vm.expectRevert("EIP2612: invalid signature");
        usdc.permit(owner, spender, 7, block.timestamp, v, r, s);
    }

    function test_usdc_takes_an_authorization_once_and_from_its_receiver_alone() public {
        UsdcCounterpart.Authorization memory a = _authorization(owner);
        bytes memory signature = Signing.sign(ownerKey, usdc.receiveDigest(a));
        vm.prank(other);
        vm.expectRevert("FiatTokenV2: caller must be the payee");
        usdc.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(signature);
        vm.prank(spender);
        usdc.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
        assertEq(usdc.balanceOf(spender), 5);
        assertTrue(usdc.authorizationState(owner, a.nonce));
        vm.prank(spender);
        vm.expectRevert("FiatTokenV2: authorization is used or canceled");
        usdc.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
    }

    function test_usdc_takes_a_safes_authorization_in_both_forms() public {
        ISafe safe = SafeCounterpart.deploy(owner);
        usdc.issue(address(safe), 10);
        UsdcCounterpart.Authorization memory a = _authorization(address(safe));
        bytes memory signature = safe.sign(ownerKey, usdc.receiveDigest(a));
        vm.prank(spender);
        usdc.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
        a.nonce = keccak256("another");
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(safe.sign(ownerKey, usdc.receiveDigest(a)));
        vm.prank(spender);
        usdc.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, v, r, s);
        assertEq(usdc.balanceOf(spender), 10);
    }

    function test_usdc_takes_a_safes_permit() public {
        ISafe safe = SafeCounterpart.deploy(owner);
        bytes32 digest = usdc.permitDigest(address(safe), spender, 7, 0, block.timestamp);
        usdc.permit(address(safe), spender, 7, block.timestamp, safe.sign(ownerKey, digest));
        assertEq(usdc.allowance(address(safe), spender), 7);
    }

    /// @dev Once an account has code, USDC asks that code and no longer recovers.
    function test_usdc_refuses_the_key_of_an_account_whose_code_knows_no_signatures() public {
        UsdcCounterpart.Authorization memory a = _authorization(owner);
        bytes memory signature = Signing.sign(ownerKey, usdc.receiveDigest(a));
        vm.signAndAttachDelegation(address(new UsdtLikeToken()), ownerKey);
        vm.prank(spender);
        vm.expectRevert("FiatTokenV2: invalid signature");
        usdc.receiveWithAuthorization(a.from, a.to, a.value, a.validAfter, a.validBefore, a.nonce, signature);
    }

    function _authorization(address from) private view returns (UsdcCounterpart.Authorization memory) {
        return UsdcCounterpart.Authorization(from, spender, 5, 0, block.timestamp + 1, keccak256("nonce"));
    }
}

contract Permit2CounterpartTest is CounterpartTest {
    using UsdcCounterpart for IUsdc;
    using SafeCounterpart for ISafe;

    string private constant WITNESS_TYPE =
        "Order witness)Order(bytes32 id)TokenPermissions(address token,uint256 amount)";

    ITruePermit2 internal permit2;
    IUsdc internal usdc;

    function setUp() public override {
        super.setUp();
        permit2 = Permit2Counterpart.deploy();
        usdc = UsdcCounterpart.deploy();
        usdc.issue(owner, 100);
        vm.prank(owner);
        usdc.approve(address(permit2), type(uint256).max);
    }

    function test_permit2_stands_at_its_address_and_knows_the_chain() public {
        assertEq(address(permit2), 0x000000000022D473030F116dDEE9F6B43aC78BA3);
        assertEq(permit2.DOMAIN_SEPARATOR(), _domain(31_337));
        vm.chainId(1);
        assertEq(permit2.DOMAIN_SEPARATOR(), _domain(1));
    }

    function test_permit2_deploys_once() public {
        assertEq(address(Permit2Counterpart.deploy()), address(permit2));
    }

    function test_permit2_moves_for_the_signed_spender_and_witness_once() public {
        (IPermit2.PermitTransferFrom memory permit, IPermit2.SignatureTransferDetails memory details) = _permit();
        bytes32 witness = keccak256("witness");
        bytes memory signature =
            Signing.sign(ownerKey, Permit2Counterpart.digest(permit, spender, witness, WITNESS_TYPE));
        vm.expectRevert(ITruePermit2.InvalidSigner.selector);
        permit2.permitWitnessTransferFrom(permit, details, owner, witness, WITNESS_TYPE, signature);
        vm.startPrank(spender);
        vm.expectRevert(ITruePermit2.InvalidSigner.selector);
        permit2.permitWitnessTransferFrom(permit, details, owner, keccak256("else"), WITNESS_TYPE, signature);
        permit2.permitWitnessTransferFrom(permit, details, owner, witness, WITNESS_TYPE, signature);
        assertEq(usdc.balanceOf(other), 40);
        vm.expectRevert(ITruePermit2.InvalidNonce.selector);
        permit2.permitWitnessTransferFrom(permit, details, owner, witness, WITNESS_TYPE, signature);
        vm.stopPrank();
    }

    function test_permit2_asks_a_safe() public {
        ISafe safe = SafeCounterpart.deploy(owner);
        usdc.issue(address(safe), 40);
        safe.act(ownerKey, address(usdc), abi.encodeCall(IERC20.approve, (address(permit2), 40)));
        (IPermit2.PermitTransferFrom memory permit, IPermit2.SignatureTransferDetails memory details) = _permit();
        bytes32 digest = Permit2Counterpart.digest(permit, spender, 0, WITNESS_TYPE);
        bytes memory signature = safe.sign(ownerKey, digest);
        vm.prank(spender);
        permit2.permitWitnessTransferFrom(permit, details, address(safe), 0, WITNESS_TYPE, signature);
        assertEq(usdc.balanceOf(other), 40);
    }

    function _permit()
        private
        view
        returns (IPermit2.PermitTransferFrom memory, IPermit2.SignatureTransferDetails memory)
    {
        return (
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(address(usdc), 40), 3, block.timestamp),
            IPermit2.SignatureTransferDetails(other, 40)
        );
    }

    function _domain(uint256 chainId) private view returns (bytes32) {
        bytes32 typehash = keccak256("EIP712Domain(string name,uint256 chainId,address verifyingContract)");
        return keccak256(abi.encode(typehash, keccak256("Permit2"), chainId, address(permit2)));
    }
}

contract WethCounterpartTest is CounterpartTest {
    using WethCounterpart for IWeth;

    IWeth internal weth;

    function setUp() public override {
        super.setUp();
        weth = WethCounterpart.deploy();
    }

    function test_weth_wraps_and_unwraps() public {
        weth.issue(owner, 5 ether);
        assertEq(weth.balanceOf(owner), 5 ether);
        vm.prank(owner);
        weth.withdraw(2 ether);
        assertEq(owner.balance, 2 ether);
        assertEq(weth.decimals(), 18);
    }

    /// @dev Who believes that a permit which did not revert has given an allowance believes too much.
    function test_weth_swallows_a_permit_and_an_authorization_and_does_nothing() public {
        weth.issue(owner, 5 ether);
        IERC20Permit(address(weth)).permit(owner, spender, 1 ether, block.timestamp, 27, 0, 0);
        assertEq(weth.allowance(owner, spender), 0);
        vm.prank(spender);
        IUsdc(address(weth)).receiveWithAuthorization(owner, spender, 1 ether, 0, block.timestamp + 1, 0, "");
        assertEq(weth.balanceOf(spender), 0);
    }
}

contract SafeCounterpartTest is CounterpartTest {
    using SafeCounterpart for ISafe;

    function test_safe_answers_for_its_owners_signature_and_for_no_other() public {
        ISafe safe = SafeCounterpart.deploy(owner);
        bytes32 digest = keccak256("anything");
        assertEq(safe.isValidSignature(digest, safe.sign(ownerKey, digest)), IERC1271.isValidSignature.selector);
        (, uint256 otherKey) = makeAddrAndKey("other");
        bytes memory signature = safe.sign(otherKey, digest);
        vm.expectRevert("GS026");
        safe.isValidSignature(digest, signature);
        // Its own domain is part of what is signed: the owner's plain signature is none of the Safe's.
        signature = Signing.sign(ownerKey, digest);
        vm.expectRevert("GS026");
        safe.isValidSignature(digest, signature);
    }

    function test_safe_of_two_asks_for_both() public {
        (uint256[2] memory keys, address[] memory owners) = _two();
        ISafe safe = SafeCounterpart.deploy(owners);
        bytes32 digest = keccak256("anything");
        bytes memory one = safe.sign(keys[0], digest);
        vm.expectRevert("GS020");
        safe.isValidSignature(digest, one);
        bytes memory both = bytes.concat(one, safe.sign(keys[1], digest));
        assertEq(safe.isValidSignature(digest, both), IERC1271.isValidSignature.selector);
    }

    /// @dev A Safe wants its owners' signatures in the order of their addresses.
    function _two() private returns (uint256[2] memory keys, address[] memory owners) {
        owners = new address[](2);
        (owners[0], keys[0]) = makeAddrAndKey("first");
        (owners[1], keys[1]) = makeAddrAndKey("second");
        if (owners[0] > owners[1]) {
            (owners[0], owners[1], keys[0], keys[1]) = (owners[1], owners[0], keys[1], keys[0]);
        }
    }
}

contract UsdtLikeTokenTest is CounterpartTest {
    UsdtLikeToken internal usdt;

    function setUp() public override {
        super.setUp();
        usdt = new UsdtLikeToken();
        usdt.issue(owner, 1000);
    }

    function test_usdt_answers_nothing() public {
        vm.prank(owner);
        (bool done, bytes memory answer) = address(usdt).call(abi.encodeCall(IERC20.transfer, (other, 10)));
        assertTrue(done);
        assertEq(answer.length, 0);
        assertEq(usdt.balanceOf(other), 10);
    }

    function test_usdt_raises_an_allowance_only_through_zero() public {
        vm.startPrank(owner);
        usdt.approve(spender, 5);
        vm.expectRevert();
        usdt.approve(spender, 6);
        usdt.approve(spender, 0);
        usdt.approve(spender, 6);
        assertEq(usdt.allowance(owner, spender), 6);
    }

    function test_usdt_blocks_the_sender_not_the_receiver() public {
        usdt.setBlocked(other, true);
        vm.prank(owner);
        usdt.transfer(other, 10);
        vm.prank(other);
        vm.expectRevert();
        usdt.transfer(owner, 10);
        usdt.destroyBlackFunds(other);
        assertEq(usdt.balanceOf(other), 0);
    }

    function test_usdt_pauses_and_can_keep_a_fee() public {
        usdt.setPaused(true);
        vm.prank(owner);
        vm.expectRevert();
        usdt.transfer(other, 1000);
        usdt.setPaused(false);
        usdt.setFee(10);
        vm.prank(owner);
        usdt.transfer(other, 1000);
        assertEq(usdt.balanceOf(other), 999);
        assertEq(usdt.balanceOf(address(this)), 1);
    }
}

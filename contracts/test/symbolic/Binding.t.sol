// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Terms} from "../../src/IEscrow.sol";
import {State} from "../../src/StateLib.sol";
import {TermsLib} from "../../src/TermsLib.sol";
import {RecordingPermit2, RecordingToken, Wallet} from "./Signed.sol";
import {svm, vm} from "./Cheats.sol";
import {both, either} from "./Logic.sol";
import {SymbolicEscrow} from "./SymbolicEscrow.sol";

/// @notice `Binding`: what is signed for one payment, payer, buyer, chain and escrow is of no use for any other. All of it rests
/// on halmos's assumption that no two inputs of keccak256 in one proof have one hash.
contract BindingProof is SymbolicEscrow {
    address private constant PERMIT2 = 0x000000000022D473030F116dDEE9F6B43aC78BA3;
    string private constant WITNESS_TYPE =
        "Funding witness)Funding(bytes32 id,address payer,address buyer)TokenPermissions(address token,uint256 amount)";

    uint256 private _deploymentChainId;
    Wallet private _wallet;

    function setUp() public override {
        _deploymentChainId = svm.createUint256("deploymentChainId");
        vm.chainId(_deploymentChainId);
        super.setUp();
        _wallet = new Wallet();
        svm.enableSymbolicStorage(address(_wallet));
    }

    /// @notice Two ids are one only if all 13 fields of the terms, the chain and the escrow are.
    function check_ids_differ_if_anything_does(
        Terms calldata a,
        Terms calldata b,
        uint256 chainA,
        uint256 chainB,
        address escrowA,
        address escrowB
    ) external view {
        bytes32 idA = this.idOf(a, chainA, escrowA);
        bytes32 idB = this.idOf(b, chainB, escrowB);
        bool same = both(_sameParties(a, b), _sameNumbers(a, b));
        assert(either(idA != idB, both(same, both(chainA == chainB, escrowA == escrowB))));
    }

    /// @notice The escrow names payments by the chain that it was deployed on and by its own address, whatever the live chain's id.
    function check_id_is_of_the_deployment(Terms calldata terms, uint256 liveChainId) external {
        vm.chainId(liveChainId);
        assert(escrow.idOf(terms) == this.idOf(terms, _deploymentChainId, address(escrow)));
    }

    /// @notice A release by receipt happens only if the 65 bytes of signature recover to the payment's buyer from the digest of
    /// exactly this id, buyer, live chain and escrow, or the buyer is a wallet that approves this digest. For every payment in
    /// coin without a fee, signature, caller, time below 2^40 and live chain id; the merchant is not that wallet.
    function check_receipt_is_the_buyers(Terms memory terms, address caller, uint40 time, uint256 liveChainId)
        external
    {
        vm.warp(time);
        vm.chainId(liveChainId);
        (terms.token, terms.feeBps) = (address(0), 0);
        vm.assume(terms.merchant != address(_wallet));
        (bytes32 id, State state) = paymentOf(terms);
        bytes memory signature = svm.createBytes(65, "signature");
        if (!done(caller, 0, abi.encodeCall(IEscrow.releaseWithReceipt, (terms, signature)))) return;
        bytes32 digest = _receiptDigest(id, state.buyer(), liveChainId, address(escrow));
        (bytes32 r, bytes32 s, uint8 v) = _parse(signature);
        bool recovered = both(ecrecover(digest, v, r, s) == state.buyer(), state.buyer() != address(0));
        bool approved = both(state.buyer() == address(_wallet), _wallet.approved() == digest);
        assert(either(recovered, approved));
    }

    /// @notice Two receipts have one digest only if id, buyer, chain and escrow are the same.
    function check_receipts_differ_if_anything_does(
        bytes32 idA,
        bytes32 idB,
        address buyerA,
        address buyerB,
        uint256 chainA,
        uint256 chainB,
        address escrowA,
        address escrowB
    ) external pure {
        bool same = both(both(idA == idB, buyerA == buyerB), both(chainA == chainB, escrowA == escrowB));
        bytes32 digestA = _receiptDigest(idA, buyerA, chainA, escrowA);
        assert(either(digestA != _receiptDigest(idB, buyerB, chainB, escrowB), same));
    }

    /// @notice If a payment is funded by Permit2, it was asked for exactly the terms' token and amount, from the payer to the escrow,
    /// under a witness of exactly this id, payer and buyer: the named one, else the payer.
    function check_permit2_is_asked_for_this_payment(Terms memory terms, address payer, address caller, uint40 time)
        external
    {
        vm.warp(time);
        vm.etch(PERMIT2, type(RecordingPermit2).runtimeCode);
        RecordingPermit2 permit2 = RecordingPermit2(PERMIT2);
        terms.token = address(new RecordingToken());
        (bytes32 id,) = paymentOf(terms);
        bytes memory signature = svm.createBytes(65, "signature");
        if (!done(caller, 0, abi.encodeCall(IEscrow.fundWithPermit2, (terms, payer, 7, 8, signature)))) return;
        address buyer = terms.buyer == address(0) ? payer : terms.buyer;
        bytes32 witness =
            keccak256(abi.encode(keccak256("Funding(bytes32 id,address payer,address buyer)"), id, payer, buyer));
        bool moved =
            both(both(permit2.owner() == payer, permit2.to() == address(escrow)), permit2.moved() == terms.amount);
        bool permitted = both(permit2.token() == terms.token, permit2.permitted() == terms.amount);
        bool witnessed = both(permit2.witness() == witness, permit2.witnessType() == keccak256(bytes(WITNESS_TYPE)));
        assert(both(both(moved, permitted), both(witnessed, stateOf(id).buyer() == buyer)));
    }

    /// @notice If a payment is funded by EIP-3009, the token was asked for exactly the amount, from the payer to the escrow, with the
    /// payment's id as the nonce; the buyer is the named one, else the payer. For 65 bytes of signature.
    function check_authorization_is_for_this_payment(Terms memory terms, address payer, address caller, uint40 time)
        external
    {
        _checkAuthorization(terms, payer, caller, time, svm.createBytes(65, "signature"));
    }

    /// @notice The same for a wallet's signature, of 96 bytes.
    function check_authorization_of_a_wallet_is_for_this_payment(
        Terms memory terms,
        address payer,
        address caller,
        uint40 time
    ) external {
        _checkAuthorization(terms, payer, caller, time, svm.createBytes(96, "signature"));
    }

    function idOf(Terms calldata terms, uint256 chainId, address of_) external pure returns (bytes32) {
        return TermsLib.id(terms, chainId, of_);
    }

    function _checkAuthorization(Terms memory terms, address payer, address caller, uint40 time, bytes memory signature)
        private
    {
        vm.warp(time);
        RecordingToken token = new RecordingToken();
        terms.token = address(token);
        (bytes32 id,) = paymentOf(terms);
        bytes memory data = abi.encodeCall(IEscrow.fundWithAuthorization, (terms, payer, 7, 8, signature));
        if (!done(caller, 0, data)) return;
        address buyer = terms.buyer == address(0) ? payer : terms.buyer;
        bool moved = both(both(token.from() == payer, token.to() == address(escrow)), token.value() == terms.amount);
        assert(both(both(moved, token.nonce() == id), stateOf(id).buyer() == buyer));
    }

    /// @dev EIP-712, written out.
    function _receiptDigest(bytes32 id, address buyer, uint256 chainId, address of_) private pure returns (bytes32) {
        bytes32 domainType =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain = keccak256(abi.encode(domainType, keccak256("Earnest Escrow"), keccak256("1"), chainId, of_));
        bytes32 receipt = keccak256(abi.encode(keccak256("Receipt(bytes32 id,address buyer)"), id, buyer));
        return keccak256(abi.encodePacked(hex"1901", domain, receipt));
    }

    function _parse(bytes memory signature) private pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }

    function _sameParties(Terms calldata a, Terms calldata b) private pure returns (bool) {
        bool first = both(both(a.buyer == b.buyer, a.merchant == b.merchant), a.operator == b.operator);
        return both(first, both(both(a.arbiter == b.arbiter, a.token == b.token), a.feeRecipient == b.feeRecipient));
    }

    function _sameNumbers(Terms calldata a, Terms calldata b) private pure returns (bool) {
        bool money = both(both(a.amount == b.amount, a.feeBps == b.feeBps), a.orderHash == b.orderHash);
        bool periods = both(a.deliveryPeriod == b.deliveryPeriod, a.disputeWindow == b.disputeWindow);
        return both(both(money, a.payBy == b.payBy), both(periods, a.arbitrationPeriod == b.arbitrationPeriod));
    }
}

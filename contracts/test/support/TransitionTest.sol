// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IEscrow, Item, Terms} from "../../src/IEscrow.sol";
import {IPermit2} from "../../src/IPermit2.sol";
import {EscrowTest} from "./EscrowTest.sol";
import {Permit2Counterpart} from "./counterparts/Permit2Counterpart.sol";
import {Signing} from "./counterparts/Signing.sol";

/// @notice Every verb of a payment, called as it should be by whom it belongs to.
abstract contract TransitionTest is EscrowTest {
    enum Verb {
        Fund,
        FundWithPermit,
        FundWithAuthorization,
        FundWithPermit2,
        Collect,
        ConfirmDelivery,
        ConfirmDeliveryMany,
        Release,
        ReleaseWithReceipt,
        ReleaseMany,
        Refund,
        Reclaim,
        Dispute,
        Resolve,
        Repay
    }

    string private constant WITNESS =
        "Funding witness)Funding(bytes32 id,address payer,address buyer)TokenPermissions(address token,uint256 amount)";

    uint256 private buyerKey;

    function setUp() public virtual override {
        super.setUp();
        (, buyerKey) = makeAddrAndKey("buyer");
        address permit2 = address(Permit2Counterpart.deploy());
        vm.prank(buyer);
        token.approve(permit2, ALL);
        token.mint(merchant, 10 * AMOUNT);
        vm.prank(merchant);
        token.approve(address(escrow), ALL);
    }

    function isFunding(Verb verb) internal pure returns (bool) {
        return uint8(verb) <= uint8(Verb.Collect);
    }

    /// @dev These pass over what they can't do, and say so.
    function neverReverts(Verb verb) internal pure returns (bool) {
        return verb == Verb.Collect || verb == Verb.ReleaseMany || verb == Verb.ConfirmDeliveryMany;
    }

    /// @return reason what it reverted with; empty: it went through
    function act(Terms memory terms, Verb verb) internal returns (bytes memory reason) {
        if (verb == Verb.Collect) _deposit(terms);
        (address caller, bytes memory data) = isFunding(verb) ? _funding(terms, verb) : _settling(terms, verb);
        vm.prank(caller);
        (bool succeeded, bytes memory answer) = address(escrow).call(data);
        if (!succeeded) reason = answer;
    }

    function _deposit(Terms memory terms) private {
        address wallet = escrow.depositAddressOf(escrow.idOf(terms));
        vm.prank(buyer);
        token.transfer(wallet, terms.amount);
    }

    function _funding(Terms memory terms, Verb verb) private view returns (address, bytes memory) {
        if (verb == Verb.Fund) return (buyer, abi.encodeCall(IEscrow.fund, (terms, buyer)));
        if (verb == Verb.FundWithPermit) {
            return (buyer, abi.encodeCall(IEscrow.fundWithPermit, (terms, buyer, ALL, 0, 0, 0))); // the allowance is there
        }
        if (verb == Verb.FundWithAuthorization) {
            bytes memory signature = Signing.sign(buyerKey, _authorization(terms));
            return (stranger, abi.encodeCall(IEscrow.fundWithAuthorization, (terms, buyer, 0, ALL, signature)));
        }
        if (verb == Verb.FundWithPermit2) {
            bytes memory signature = Signing.sign(buyerKey, _permit2(terms));
            return (stranger, abi.encodeCall(IEscrow.fundWithPermit2, (terms, buyer, 7, ALL, signature)));
        }
        return (stranger, abi.encodeCall(IEscrow.collect, (terms, terms.token)));
    }

    function _settling(Terms memory terms, Verb verb) private view returns (address, bytes memory) {
        Item[] memory items = new Item[](1);
        items[0] = Item(terms.buyer, terms.amount, terms.payBy, terms.orderHash);
        if (verb == Verb.ConfirmDelivery) return (merchant, abi.encodeCall(IEscrow.confirmDelivery, (terms)));
        if (verb == Verb.ConfirmDeliveryMany) {
            return (merchant, abi.encodeCall(IEscrow.confirmDeliveryMany, (terms, items)));
        }
        if (verb == Verb.Release) return (buyer, abi.encodeCall(IEscrow.release, (terms, ALL)));
        if (verb == Verb.ReleaseWithReceipt) {
            bytes memory signature = Signing.sign(buyerKey, _receipt(terms));
            return (stranger, abi.encodeCall(IEscrow.releaseWithReceipt, (terms, signature)));
        }
        if (verb == Verb.ReleaseMany) return (buyer, abi.encodeCall(IEscrow.releaseMany, (terms, items)));
        if (verb == Verb.Refund) return (merchant, abi.encodeCall(IEscrow.refund, (terms, ALL)));
        if (verb == Verb.Reclaim) return (stranger, abi.encodeCall(IEscrow.reclaim, (terms)));
        if (verb == Verb.Dispute) return (buyer, abi.encodeCall(IEscrow.dispute, (terms)));
        if (verb == Verb.Resolve) return (arbiter, abi.encodeCall(IEscrow.resolve, (terms, 0, terms.amount)));
        return (merchant, abi.encodeCall(IEscrow.repay, (terms, ALL)));
    }

    // ------------------------------------------------------------------------------------------- what the buyer signs

    function _authorization(Terms memory terms) private view returns (bytes32) {
        bytes32 typehash = keccak256(
            "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
        );
        bytes32 hash = keccak256(abi.encode(typehash, buyer, address(escrow), terms.amount, 0, ALL, escrow.idOf(terms)));
        return Signing.typed(token.DOMAIN_SEPARATOR(), hash);
    }

    function _permit2(Terms memory terms) private view returns (bytes32) {
        bytes32 typehash = keccak256("Funding(bytes32 id,address payer,address buyer)");
        bytes32 witness = keccak256(abi.encode(typehash, escrow.idOf(terms), buyer, buyer));
        IPermit2.TokenPermissions memory permitted = IPermit2.TokenPermissions(terms.token, terms.amount);
        return
            Permit2Counterpart.digest(IPermit2.PermitTransferFrom(permitted, 7, ALL), address(escrow), witness, WITNESS);
    }

    function _receipt(Terms memory terms) private view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Earnest Escrow"),
                keccak256("1"),
                block.chainid,
                address(escrow)
            )
        );
        bytes32 typehash = keccak256("Receipt(bytes32 id,address buyer)");
        return Signing.typed(domain, keccak256(abi.encode(typehash, escrow.idOf(terms), buyer)));
    }
}

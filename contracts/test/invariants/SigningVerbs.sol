// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Status, Terms} from "../../src/IEscrow.sol";
import {IPermit2} from "../../src/IPermit2.sol";
import {Permit2Counterpart} from "../support/counterparts/Permit2Counterpart.sol";
import {ISafe, SafeCounterpart} from "../support/counterparts/SafeCounterpart.sol";
import {Signing} from "../support/counterparts/Signing.sol";
import {IUsdc, UsdcCounterpart} from "../support/counterparts/UsdcCounterpart.sol";
import {Verb} from "./Books.sol";
import {FundingVerbs} from "./FundingVerbs.sol";

/// @notice Paying and releasing by signature; one time in four by one that was made for something else.
abstract contract SigningVerbs is FundingVerbs {
    using SafeCounterpart for ISafe;
    using UsdcCounterpart for IUsdc;

    /// @dev What a signature was made for, instead of what it is used for.
    enum Wrong {
        Nothing,
        Key,
        Payment,
        Buyer,
        Escrow,
        Chain,
        Amount,
        Cut // two bytes are missing; with one missing it could be a compact one
    }

    string private constant WITNESS =
        "Funding witness)Funding(bytes32 id,address payer,address buyer)TokenPermissions(address token,uint256 amount)";
    uint256 private constant OTHER_CHAIN = 8_453;

    function _wrong() private returns (Wrong) {
        return _oneIn(4) ? Wrong(1 + _roll(7)) : Wrong.Nothing;
    }

    function _signable() private returns (address) {
        return _oneIn(2) ? address(signable) : address(usdc);
    }

    /// @dev As the account's wallet signs; those without a key have someone else sign.
    function _sign(address account, bytes32 digest, Wrong wrong) private returns (bytes memory signature) {
        uint256 key = keyOf[account];
        if (wrong == Wrong.Key || key == 0) key = keyOf[account == people[4] ? people[5] : people[4]];
        signature = account == address(safe) ? safe.sign(key, digest) : Signing.sign(key, digest);
        if (wrong != Wrong.Cut) return signature;
        assembly ("memory-safe") {
            mstore(signature, sub(mload(signature), 2))
        }
    }

    /// @dev The digest is built while the chain is another one.
    modifier maybeElsewhere(Wrong wrong) {
        uint256 chain = block.chainid;
        if (wrong == Wrong.Chain) vm.chainId(OTHER_CHAIN);
        _;
        if (wrong == Wrong.Chain) vm.chainId(chain);
    }

    // ------------------------------------------------------------------------------------------------------------ EIP-2612

    function fundWithPermit(uint256 seed) external step(seed) {
        bytes32 id = _toFund(_oneIn(5) ? _token() : _signable());
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.FundWithPermit, id);
        action.caller = action.payer = _any(people);
        action.buyer = _chosenBuyer(terms);
        bool permits = terms.token == address(signable) || terms.token == address(usdc);
        Wrong wrong = permits ? _wrong() : Wrong.Nothing;
        if (wrong == Wrong.Payment || wrong == Wrong.Buyer) wrong = Wrong.Nothing; // a permit binds neither
        action.forged = wrong != Wrong.Nothing;
        if (permits) _approve(terms.token, action.caller, address(escrow), 0);
        action.data = _permitData(terms, action, wrong, permits);
        _act(action);
        if (permits) _approve(terms.token, action.caller, address(escrow), ALL);
    }

    function _permitData(Terms memory terms, Action memory action, Wrong wrong, bool permits)
        private
        returns (bytes memory)
    {
        if (!permits) return abi.encodeCall(escrow.fundWithPermit, (terms, action.buyer, ALL, 27, "", ""));
        bytes32 digest = _permitDigest(IUsdc(terms.token), action.caller, terms.amount, wrong);
        bytes memory signature = _sign(action.caller, digest, wrong == Wrong.Cut ? Wrong.Key : wrong);
        (uint8 v, bytes32 r, bytes32 s) = Signing.split(signature);
        // A stranger may use it first; that must do no harm.
        if (_oneIn(4)) {
            try IUsdc(terms.token).permit(action.caller, address(escrow), terms.amount, ALL, v, r, s) {} catch {}
        }
        return abi.encodeCall(escrow.fundWithPermit, (terms, action.buyer, ALL, v, r, s));
    }

    function _permitDigest(IUsdc token_, address owner, uint256 amount, Wrong wrong)
        private
        maybeElsewhere(wrong)
        returns (bytes32)
    {
        address spender = address(wrong == Wrong.Escrow ? elsewhere : escrow);
        if (wrong == Wrong.Amount) amount = amount == 0 ? 1 : amount - 1;
        return token_.permitDigest(owner, spender, amount, token_.nonces(owner), ALL);
    }

    // ------------------------------------------------------------------------------------------------------------ EIP-3009

    function fundWithAuthorization(uint256 seed) external step(seed) {
        bytes32 id = _toFund(_oneIn(8) ? _token() : _signable());
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.FundWithAuthorization, id);
        action.caller = _any(actors);
        action.payer = action.buyer = _any(people);
        Wrong wrong = _wrong();
        if (wrong == Wrong.Buyer) wrong = Wrong.Key;
        action.forged = wrong != Wrong.Nothing;
        bytes memory signature = terms.token == address(signable) || terms.token == address(usdc)
            ? _sign(action.payer, _authorizationDigest(terms, id, action.payer, wrong), wrong)
            : new bytes(65);
        action.data = abi.encodeCall(escrow.fundWithAuthorization, (terms, action.payer, 0, ALL, signature));
        _act(action);
    }

    function _authorizationDigest(Terms memory terms, bytes32 id, address payer, Wrong wrong)
        private
        maybeElsewhere(wrong)
        returns (bytes32)
    {
        return IUsdc(terms.token)
            .receiveDigest(
                UsdcCounterpart.Authorization({
                from: payer,
                to: address(wrong == Wrong.Escrow ? elsewhere : escrow),
                value: wrong == Wrong.Amount ? terms.amount ^ 1 : terms.amount,
                validAfter: 0,
                validBefore: ALL,
                nonce: wrong == Wrong.Payment ? keccak256(abi.encode(id)) : id
            })
            );
    }

    // ------------------------------------------------------------------------------------------------------------- Permit2

    function fundWithPermit2(uint256 seed) external step(seed) {
        bytes32 id = _toFund(tokens[1 + _roll(tokens.length - 1)]);
        Terms memory terms = books[id].terms;
        Action memory action = _action(Verb.FundWithPermit2, id);
        action.caller = _any(actors);
        action.payer = action.buyer = _oneIn(5) ? address(safe) : _any(people);
        Wrong wrong = _wrong();
        action.forged = wrong != Wrong.Nothing;
        uint256 nonce = _roll(ALL);
        bytes32 digest = _permit2Digest(terms, id, action.payer, nonce, wrong);
        bytes memory signature = _sign(action.payer, digest, wrong);
        if (wrong == Wrong.Nothing && action.payer != address(safe) && _oneIn(3)) {
            signature = Signing.compact(signature);
        }
        action.data = abi.encodeCall(escrow.fundWithPermit2, (terms, action.payer, nonce, clock + 1 hours, signature));
        _act(action);
    }

    function _permit2Digest(Terms memory terms, bytes32 id, address payer, uint256 nonce, Wrong wrong)
        private
        maybeElsewhere(wrong)
        returns (bytes32)
    {
        address buyer_ = terms.buyer == address(0) ? payer : terms.buyer;
        if (wrong == Wrong.Buyer) buyer_ = buyer_ == people[0] ? people[1] : people[0];
        if (wrong == Wrong.Payment) id = keccak256(abi.encode(id));
        bytes32 typehash = keccak256("Funding(bytes32 id,address payer,address buyer)");
        return Permit2Counterpart.digest(
            IPermit2.PermitTransferFrom(
                IPermit2.TokenPermissions(terms.token, wrong == Wrong.Amount ? terms.amount ^ 1 : terms.amount),
                nonce,
                clock + 1 hours
            ),
            address(wrong == Wrong.Escrow ? elsewhere : escrow),
            keccak256(abi.encode(typehash, id, payer, buyer_)),
            WITNESS
        );
    }

    // ------------------------------------------------------------------------------------------------------------ receipts

    function releaseWithReceipt(uint256 seed) external step(seed) {
        bytes32 id = _pick(_bit(Status.Funded) | _bit(Status.Delivered) | _bit(Status.Disputed));
        Action memory action = _action(Verb.ReleaseWithReceipt, id);
        action.caller = _any(actors);
        Wrong wrong = _wrong();
        if (wrong == Wrong.Amount) wrong = Wrong.Key; // a receipt tells no amount
        address buyer_ = books[id].buyer;
        action.forged = wrong != Wrong.Nothing || keyOf[buyer_] == 0;
        bytes memory signature = _sign(buyer_, _receiptDigest(id, buyer_, wrong), wrong);
        action.data = abi.encodeCall(escrow.releaseWithReceipt, (books[id].terms, signature));
        _act(action);
    }

    function _receiptDigest(bytes32 id, address buyer_, Wrong wrong) private maybeElsewhere(wrong) returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Earnest Escrow"),
                keccak256("1"),
                block.chainid,
                address(wrong == Wrong.Escrow ? elsewhere : escrow)
            )
        );
        if (wrong == Wrong.Payment) id = keccak256(abi.encode(id));
        if (wrong == Wrong.Buyer) buyer_ = buyer_ == people[0] ? people[1] : people[0];
        bytes32 typehash = keccak256("Receipt(bytes32 id,address buyer)");
        return Signing.typed(domain, keccak256(abi.encode(typehash, id, buyer_)));
    }
}

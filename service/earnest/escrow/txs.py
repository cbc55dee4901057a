"""Unsigned txs: what a wallet has to sign for each verb. Encoding only; nothing here asks a chain or holds a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from eth_abi.abi import encode

from earnest.payment.errors import InvalidAmount, InvalidInput
from earnest.payment.primitives import ZERO_ADDRESS, ZERO_HASH, Address, keccak, to_bytes
from earnest.payment.status import Verb
from earnest.payment.terms import TERMS_ABI, Terms

T = TypeVar("T")

EVERYTHING: Final = 2**256 - 1
"""As an amount to release or refund, the escrow reads it as: all that is held when the tx is mined; as one to repay:
all that was released and is not repaid yet."""
MAX_ITEMS: Final = 200
"""Payments in one batch: far below any chain's limit of gas for a tx (confirming takes some 20,000 gas an item)."""
_ITEM_ABI: Final = "(address,uint256,uint40,bytes32)"
ITEMS_ABI: Final = f"{_ITEM_ABI}[]"

_MAX_UINT256: Final = 2**256 - 1


@dataclass(frozen=True, slots=True)
class UnsignedTx:
    """A tx as a wallet takes it; nonce, gas and fees are the wallet's. `value` is in wei, `data` is `0x…`."""

    to: Address
    data: str
    value: int
    chain_id: int


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature with what it was made over besides the terms; which of it a verb needs, its function says.

    Times are Unix seconds: `deadline` for EIP-2612 and Permit2, `valid_after` and `valid_before` for EIP-3009. `nonce`
    is one of Permit2's. `payer` is who signed, where that is not who sends.
    """

    signature: bytes
    payer: Address | None = None
    nonce: int | None = None
    deadline: int | None = None
    valid_after: int = 0
    valid_before: int | None = None


def fund(escrow: Address, chain_id: int, terms: Terms, buyer: Address) -> UnsignedTx:
    """Bring the whole amount for `buyer`: as value if the terms ask for coin, else by an allowance given before."""
    value = terms.amount if terms.token == ZERO_ADDRESS else 0
    return _call(escrow, chain_id, "fund", [TERMS_ABI, "address"], [terms.as_tuple(), buyer], value=value)


def fund_with_permit(
    escrow: Address, chain_id: int, terms: Terms, buyer: Address, *, deadline: int, signature: bytes
) -> UnsignedTx:
    """Bring the whole amount for `buyer`, the allowance being the sender's own permit (EIP-2612) of 65 bytes."""
    v, r, s = split_signature(signature)
    types = [TERMS_ABI, "address", "uint256", "uint8", "bytes32", "bytes32"]
    values = [terms.as_tuple(), buyer, _uint256(deadline, "deadline"), v, r, s]
    return _call(escrow, chain_id, "fundWithPermit", types, values)


def fund_with_authorization(
    escrow: Address,
    chain_id: int,
    terms: Terms,
    payer: Address,
    *,
    valid_after: int,
    valid_before: int,
    signature: bytes,
) -> UnsignedTx:
    """Bring the payer's money by his EIP-3009 authorization, as anyone: 65 bytes, or a contract wallet's signature."""
    signed = [_uint256(valid_after, "valid_after"), _uint256(valid_before, "valid_before"), _normal(signature)]
    types = [TERMS_ABI, "address", "uint256", "uint256", "bytes"]
    return _call(escrow, chain_id, "fundWithAuthorization", types, [terms.as_tuple(), payer, *signed])


def fund_with_permit2(
    escrow: Address, chain_id: int, terms: Terms, payer: Address, *, nonce: int, deadline: int, signature: bytes
) -> UnsignedTx:
    """Bring the payer's money by his signature for Permit2, as anyone."""
    signed = [_uint256(nonce, "nonce"), _uint256(deadline, "deadline"), _normal(signature)]
    types = [TERMS_ABI, "address", "uint256", "uint256", "bytes"]
    return _call(escrow, chain_id, "fundWithPermit2", types, [terms.as_tuple(), payer, *signed])


def collect(escrow: Address, chain_id: int, terms: Terms, token: Address) -> UnsignedTx:
    """Collect what lies at the deposit address in `token` (the zero address: coin), as anyone."""
    return _call(escrow, chain_id, "collect", [TERMS_ABI, "address"], [terms.as_tuple(), token])


def confirm_delivery(escrow: Address, chain_id: int, terms: Terms) -> UnsignedTx:
    """Confirm delivery, as the merchant or the operator."""
    return _call(escrow, chain_id, "confirmDelivery", [TERMS_ABI], [terms.as_tuple()])


def release(escrow: Address, chain_id: int, terms: Terms, amount: int | None = None) -> UnsignedTx:
    """Release `amount` base units to the merchant, or all that is held."""
    return _call(escrow, chain_id, "release", [TERMS_ABI, "uint256"], [terms.as_tuple(), _part(amount)])


def release_with_receipt(escrow: Address, chain_id: int, terms: Terms, signature: bytes) -> UnsignedTx:
    """Release all that is held by the buyer's receipt, as anyone."""
    values = [terms.as_tuple(), _normal(signature)]
    return _call(escrow, chain_id, "releaseWithReceipt", [TERMS_ABI, "bytes"], values)


def refund(escrow: Address, chain_id: int, terms: Terms, amount: int | None = None) -> UnsignedTx:
    """Refund `amount` base units to the buyer, or all that is held, as the merchant or the operator."""
    return _call(escrow, chain_id, "refund", [TERMS_ABI, "uint256"], [terms.as_tuple(), _part(amount)])


def repay(escrow: Address, chain_id: int, terms: Terms, amount: int | None = None) -> UnsignedTx:
    """Repay `amount` base units to the buyer, or all that is left to repay, as the merchant.

    For a token it needs an allowance given before. Coin is sent along, so that its amount has to be said.
    """
    value = 0
    if terms.token == ZERO_ADDRESS:
        value = _part(_needed(amount, "amount", "repaying coin"))
    return _call(escrow, chain_id, "repay", [TERMS_ABI, "uint256"], [terms.as_tuple(), _part(amount)], value=value)


def reclaim(escrow: Address, chain_id: int, terms: Terms) -> UnsignedTx:
    """Send everything back to the buyer, as anyone, after the delivery or the arbitration period."""
    return _call(escrow, chain_id, "reclaim", [TERMS_ABI], [terms.as_tuple()])


def dispute(escrow: Address, chain_id: int, terms: Terms) -> UnsignedTx:
    """Dispute the delivery, as the buyer."""
    return _call(escrow, chain_id, "dispute", [TERMS_ABI], [terms.as_tuple()])


def resolve(escrow: Address, chain_id: int, terms: Terms, to_buyer: int, to_merchant: int) -> UnsignedTx:
    """Split all that is held, in base units, as the arbiter; the merchant's part is before the fee."""
    values = [terms.as_tuple(), _uint256(to_buyer, "to_buyer"), _uint256(to_merchant, "to_merchant")]
    return _call(escrow, chain_id, "resolve", [TERMS_ABI, "uint256", "uint256"], values)


def release_many(escrow: Address, chain_id: int, payments: Sequence[Terms]) -> UnsignedTx:
    """Release all that is held for each of these payments, whose terms differ in what an item holds alone."""
    return _batch(escrow, chain_id, "releaseMany", payments)


def confirm_delivery_many(escrow: Address, chain_id: int, payments: Sequence[Terms]) -> UnsignedTx:
    """Confirm the delivery of each of these payments, as the merchant or the operator."""
    return _batch(escrow, chain_id, "confirmDeliveryMany", payments)


def dismiss_operator(escrow: Address, chain_id: int, operator: Address) -> UnsignedTx:
    """Take from `operator`, once and for all, every right to act for the merchant who sends it."""
    return _call(escrow, chain_id, "dismissOperator", ["address"], [operator])


def withdraw(escrow: Address, chain_id: int, account: Address, token: Address, amount: int | None = None) -> UnsignedTx:
    """Pay the credit of `account` in `token` (the zero address: coin), or a part of it, to `account`, as anyone."""
    return _call(escrow, chain_id, "withdraw", ["address", "address", "uint256"], [account, token, _part(amount)])


def approve(token: Address, chain_id: int, spender: Address, amount: int) -> UnsignedTx:
    """Allow `spender` to take `amount` base units of an ERC-20 token from the signer."""
    return _call(token, chain_id, "approve", ["address", "uint256"], [spender, _uint256(amount, "amount")])


def unsigned_tx(
    verb: Verb,
    escrow: Address,
    chain_id: int,
    terms: Terms,
    *,
    buyer: Address | None = None,
    amount: int | None = None,
    to_buyer: int | None = None,
    to_merchant: int | None = None,
    token: Address | None = None,
    signed: Signed | None = None,
) -> UnsignedTx:
    """Return the unsigned tx for a verb that was named at run time.

    Args:
        buyer: for `fund` and `fund_with_permit`; left out, it is the buyer whom the terms name.
        amount: for `release`, `refund` and `repay`; left out, it is all of it (of coin to repay it must be said).
        to_buyer, to_merchant: for `resolve`, both needed.
        token: for `collect`; left out, it is the one of the terms.
        signed: for the verbs by a signature.

    Raises:
        InvalidInput: the verb needs a value that is not given, or is one for many payments.
        InvalidAmount: an amount that no payment can have.
    """
    match verb:
        case Verb.FUND:
            return fund(escrow, chain_id, terms, _buyer(terms, buyer))
        case Verb.FUND_WITH_PERMIT | Verb.FUND_WITH_AUTHORIZATION | Verb.FUND_WITH_PERMIT2 | Verb.RELEASE_WITH_RECEIPT:
            return _signed_tx(verb, escrow, chain_id, terms, buyer, _needed(signed, "signature", str(verb)))
        case Verb.COLLECT:
            return collect(escrow, chain_id, terms, terms.token if token is None else token)
        case Verb.RELEASE | Verb.REFUND | Verb.REPAY:
            return _OF_AN_AMOUNT[verb](escrow, chain_id, terms, amount)
        case Verb.RESOLVE:
            parts = _needed(to_buyer, "to_buyer", "resolve"), _needed(to_merchant, "to_merchant", "resolve")
            return resolve(escrow, chain_id, terms, *parts)
        case Verb.CONFIRM_DELIVERY | Verb.RECLAIM | Verb.DISPUTE | Verb.DISMISS_OPERATOR:
            return _OF_TERMS_ALONE[verb](escrow, chain_id, terms)
        case Verb.CONFIRM_DELIVERY_MANY | Verb.RELEASE_MANY:
            raise InvalidInput(f"{verb} is for many payments: name them all", param="verb")


def _dismiss_named_operator(escrow: Address, chain_id: int, terms: Terms) -> UnsignedTx:
    if terms.operator == ZERO_ADDRESS:
        raise InvalidInput("the terms name no operator who could be dismissed", param="verb")
    return dismiss_operator(escrow, chain_id, terms.operator)


def _signed_tx(
    verb: Verb, escrow: Address, chain_id: int, terms: Terms, buyer: Address | None, signed: Signed
) -> UnsignedTx:
    signature = signed.signature
    if verb is Verb.RELEASE_WITH_RECEIPT:
        return release_with_receipt(escrow, chain_id, terms, signature)
    if verb is Verb.FUND_WITH_AUTHORIZATION:
        times = signed.valid_after, _needed(signed.valid_before, "valid_before", str(verb))
        payer = _needed(signed.payer, "payer", str(verb))
        return fund_with_authorization(
            escrow, chain_id, terms, payer, valid_after=times[0], valid_before=times[1], signature=signature
        )
    deadline = _needed(signed.deadline, "deadline", str(verb))
    if verb is Verb.FUND_WITH_PERMIT:
        named = _buyer(terms, buyer)
        return fund_with_permit(escrow, chain_id, terms, named, deadline=deadline, signature=signature)
    payer, nonce = _needed(signed.payer, "payer", str(verb)), _needed(signed.nonce, "nonce", str(verb))
    return fund_with_permit2(escrow, chain_id, terms, payer, nonce=nonce, deadline=deadline, signature=signature)


_OF_AN_AMOUNT: Final = {Verb.RELEASE: release, Verb.REFUND: refund, Verb.REPAY: repay}
_OF_TERMS_ALONE: Final = {
    Verb.CONFIRM_DELIVERY: confirm_delivery,
    Verb.RECLAIM: reclaim,
    Verb.DISPUTE: dispute,
    Verb.DISMISS_OPERATOR: _dismiss_named_operator,
}


def selector(signature: str) -> bytes:
    """Return the first four bytes of the Keccak-256 of a function's or an error's signature."""
    return keccak(signature.encode())[:4]


def encode_call(name: str, types: list[str], values: list[Any]) -> str:
    """Return the call data `0x…` of a function by its name, argument types and values."""
    return "0x" + (selector(f"{name}({','.join(types)})") + encode(types, values)).hex()


def _call(to: Address, chain_id: int, name: str, types: list[str], values: list[Any], *, value: int = 0) -> UnsignedTx:
    return UnsignedTx(to=to, data=encode_call(name, types, values), value=value, chain_id=chain_id)


def _part(amount: int | None) -> int:
    if amount is None:
        return EVERYTHING
    if amount <= 0 or amount >= 2**128:
        raise InvalidAmount(f"amount is {amount} base units: it must be over 0 and under 2^128", param="amount")
    return amount


def _uint256(amount: int, param: str) -> int:
    if not 0 <= amount <= _MAX_UINT256:
        raise InvalidAmount(f"{param} is {amount} base units: it must not be negative and be under 2^256", param=param)
    return amount


def _buyer(terms: Terms, buyer: Address | None) -> Address:
    named = terms.buyer if buyer is None else buyer
    if named == ZERO_ADDRESS:
        raise InvalidInput("the terms name no buyer: say who gets money back", param="buyer")
    return named


def _needed(value: T | None, param: str, who: str) -> T:
    if value is None:
        raise InvalidInput(f"{who} needs {param}, and it is not given", param=param)
    return value


def _batch(escrow: Address, chain_id: int, name: str, payments: Sequence[Terms]) -> UnsignedTx:
    common = {common_terms(each) for each in payments}
    if len(common) != 1:
        raise InvalidInput(f"the payments of one batch share all terms but these four: {', '.join(_OF_AN_ITEM)}")
    if len(payments) > MAX_ITEMS:
        raise InvalidInput(f"a batch has at most {MAX_ITEMS} payments, not {len(payments)}")
    items = [_item(each) for each in payments]
    return _call(escrow, chain_id, name, [TERMS_ABI, ITEMS_ABI], [common.pop().as_tuple(), items])


def encoded_item(terms: Terms) -> bytes:
    """Return a payment's item as it stands in a batch's call data. Its order hash is salted: no other's is the same."""
    return encode([_ITEM_ABI], [_item(terms)])


def _item(terms: Terms) -> tuple[Address, int, int, bytes]:
    return terms.buyer, terms.amount, terms.pay_by, to_bytes(terms.order_hash)


_OF_AN_ITEM: Final = ("buyer", "amount", "pay_by", "order_hash")


def common_terms(terms: Terms) -> Terms:
    """Return what payments of one batch must share: the terms without those of an item."""
    return replace(terms, buyer=ZERO_ADDRESS, amount=0, pay_by=0, order_hash=ZERO_HASH)


def split_signature(signature: bytes) -> tuple[int, bytes, bytes]:
    """Return `v` (27 or 28), `r` and `s` of a signature of 65 bytes; raises `InvalidInput` for any other."""
    if len(signature) != _KEY_SIGNATURE_BYTES:
        raise InvalidInput(f"the signature has {len(signature)} bytes; this needs the 65 of a key's", param="signature")
    normal = _normal(signature)
    return normal[64], normal[:32], normal[32:64]


def _normal(signature: bytes) -> bytes:
    """Some wallets write the last byte as 0 or 1, which no contract takes."""
    if len(signature) == _KEY_SIGNATURE_BYTES and signature[64] < _LOWEST_V:
        return signature[:64] + bytes([signature[64] + _LOWEST_V])
    return signature


_KEY_SIGNATURE_BYTES: Final = 65
_LOWEST_V: Final = 27

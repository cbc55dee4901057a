"""Unsigned txs: what a wallet has to sign for each verb. Encoding only; nothing here asks a chain or holds a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from eth_abi.abi import encode

from earnest.payment.errors import InvalidAmount, InvalidInput
from earnest.payment.primitives import ZERO_ADDRESS, Address, keccak
from earnest.payment.status import Verb
from earnest.payment.terms import TERMS_ABI, Terms

EVERYTHING: Final = 2**256 - 1
"""As an amount to release or refund, the escrow reads it as: all that is held when the tx is mined."""

_MAX_UINT256: Final = 2**256 - 1


@dataclass(frozen=True, slots=True)
class UnsignedTx:
    """A tx as a wallet takes it; nonce, gas and fees are the wallet's. `value` is in wei, `data` is `0x…`."""

    to: Address
    data: str
    value: int
    chain_id: int


def fund(escrow: Address, chain_id: int, terms: Terms, buyer: Address) -> UnsignedTx:
    """Bring the whole amount for `buyer`: as value if the terms ask for coin, else by an allowance given before."""
    value = terms.amount if terms.token == ZERO_ADDRESS else 0
    return _call(escrow, chain_id, "fund", [TERMS_ABI, "address"], [terms.as_tuple(), buyer], value=value)


def confirm_delivery(escrow: Address, chain_id: int, terms: Terms) -> UnsignedTx:
    """Confirm delivery, as the merchant or the operator."""
    return _call(escrow, chain_id, "confirmDelivery", [TERMS_ABI], [terms.as_tuple()])


def release(escrow: Address, chain_id: int, terms: Terms, amount: int | None = None) -> UnsignedTx:
    """Release `amount` base units to the merchant, or all that is held."""
    return _call(escrow, chain_id, "release", [TERMS_ABI, "uint256"], [terms.as_tuple(), _part(amount)])


def refund(escrow: Address, chain_id: int, terms: Terms, amount: int | None = None) -> UnsignedTx:
    """Refund `amount` base units to the buyer, or all that is held, as the merchant or the operator."""
    return _call(escrow, chain_id, "refund", [TERMS_ABI, "uint256"], [terms.as_tuple(), _part(amount)])


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


def withdraw(escrow: Address, chain_id: int, account: Address, token: Address) -> UnsignedTx:
    """Pay the credit of `account` in `token` (the zero address: coin) to `account`, as anyone."""
    return _call(escrow, chain_id, "withdraw", ["address", "address"], [account, token])


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
) -> UnsignedTx:
    """Return the unsigned tx for a verb that was named at run time.

    Args:
        buyer: for `fund`; left out, it is the buyer whom the terms name.
        amount: for `release` and `refund`; left out, it is all that is held.
        to_buyer, to_merchant: for `resolve`, both needed.

    Raises:
        InvalidInput: the verb needs a value that is not given.
        InvalidAmount: an amount that no payment can have.
    """
    match verb:
        case Verb.FUND:
            return fund(escrow, chain_id, terms, _buyer(terms, buyer))
        case Verb.RELEASE:
            return release(escrow, chain_id, terms, amount)
        case Verb.REFUND:
            return refund(escrow, chain_id, terms, amount)
        case Verb.RESOLVE:
            parts = _needed(to_buyer, "to_buyer"), _needed(to_merchant, "to_merchant")
            return resolve(escrow, chain_id, terms, *parts)
        case Verb.CONFIRM_DELIVERY | Verb.RECLAIM | Verb.DISPUTE:
            return _OF_TERMS_ALONE[verb](escrow, chain_id, terms)


_OF_TERMS_ALONE: Final = {
    Verb.CONFIRM_DELIVERY: confirm_delivery,
    Verb.RECLAIM: reclaim,
    Verb.DISPUTE: dispute,
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


def _needed(part: int | None, param: str) -> int:
    if part is None:
        raise InvalidInput(f"resolve needs both parts, and {param} is not given", param=param)
    return part

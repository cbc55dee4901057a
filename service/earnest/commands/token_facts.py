"""What a token says of itself that signatures are made over; nothing is believed that its own hash does not confirm."""

from __future__ import annotations

from typing import Final

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError

from earnest.commands.asking import ask
from earnest.commands.errors import TakesNoSignature
from earnest.commands.ports import Node
from earnest.escrow.txs import encode_call
from earnest.escrow.views import decode_eip712_domain, eip712_domain
from earnest.payment.errors import Unavailable
from earnest.payment.primitives import Address, Hash32, to_bytes
from earnest.payment.typed_data import PERMIT2, Domain

_USUAL_VERSIONS: Final = ("1", "2")
"""Tried where a token names no version: most permits have the first, some dollar tokens the second."""
_WORDS_OF_NONCES: Final = 8
"""Permit2 keeps 256 nonces a word; whoever has used up so many is asked no further."""


def allowance(node: Node, token: Address, owner: Address, spender: Address) -> int:
    """Return what `spender` may take of the owner's tokens, in base units."""
    answer = _number(node, token, encode_call("allowance", ["address", "address"], [owner, spender]))
    if answer is None:
        raise Unavailable(f"the token {token} told no allowance")
    return answer


def token_domain(node: Node, token: Address, chain_id: int) -> Domain:
    """Return the token's EIP-712 domain, as its `DOMAIN_SEPARATOR` confirms it.

    Raises:
        TakesNoSignature: it has none, or none that could be guessed.
    """
    separator = ask(node, token, encode_call("DOMAIN_SEPARATOR", [], []))
    if separator is not None and len(separator) == 32:
        for domain in _candidates(node, token, chain_id):
            if to_bytes(domain.separator) == separator:
                return domain
    raise TakesNoSignature(f"the token {token} has no domain for signatures that could be told: pay with an allowance")


def permit_nonce(node: Node, token: Address, owner: Address) -> int:
    """Return the owner's next nonce for EIP-2612; raises `TakesNoSignature` if the token knows none."""
    nonce = _number(node, token, encode_call("nonces", ["address"], [owner]))
    if nonce is None:
        raise TakesNoSignature(f"the token {token} knows no permits (EIP-2612): pay in another way")
    return nonce


def check_authorization_unused(node: Node, token: Address, payer: Address, payment_id: Hash32) -> None:
    """Check that the token takes EIP-3009 authorizations, and this payer's for this payment was not used."""
    call = encode_call("authorizationState", ["address", "bytes32"], [payer, to_bytes(payment_id)])
    used = _number(node, token, call)
    if used is None:
        raise TakesNoSignature(f"the token {token} knows no authorizations (EIP-3009): pay in another way")
    if used:
        raise TakesNoSignature(f"{payer} has used or cancelled his authorization for payment {payment_id}")


def permit2_nonce(node: Node, owner: Address) -> int:
    """Return the owner's lowest unused nonce at Permit2; those that follow one another cost the least gas.

    Raises:
        TakesNoSignature: the chain has no Permit2.
    """
    for word in range(_WORDS_OF_NONCES):
        used = _number(node, PERMIT2, encode_call("nonceBitmap", ["address", "uint256"], [owner, word]))
        if used is None:
            raise TakesNoSignature("this chain has no Permit2: pay in another way")
        if free := ~used & (2**256 - 1):
            return word * 256 + (free & -free).bit_length() - 1
    raise TakesNoSignature(f"{owner} has used all of Permit2's first {_WORDS_OF_NONCES * 256} nonces: name one")


def _candidates(node: Node, token: Address, chain_id: int) -> list[Domain]:
    told = ask(node, token, eip712_domain())
    found: list[Domain] = []
    if told is not None:
        try:
            domain = decode_eip712_domain(told)
        except (DecodingError, UnicodeDecodeError):
            domain = None
        found += [domain] if domain and (domain.chain_id, domain.verifying_contract) == (chain_id, token) else []
    name, version = _text(node, token, "name"), _text(node, token, "version")
    if name is not None:
        versions = ([version] if version is not None else []) + [*_USUAL_VERSIONS]
        found += [Domain(name, each, chain_id, token) for each in versions]
    return found


def _number(node: Node, to: Address, data: str) -> int | None:
    answer = ask(node, to, data)
    return int.from_bytes(answer, "big") if answer is not None and len(answer) <= 32 else None


def _text(node: Node, token: Address, name: str) -> str | None:
    answer = ask(node, token, encode_call(name, [], []))
    try:
        (text,) = decode(["string"], answer or b"")
    except (DecodingError, UnicodeDecodeError):
        return None
    return str(text)

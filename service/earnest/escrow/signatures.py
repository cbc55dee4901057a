"""Whose signature it is: by its key here, or, for a contract wallet, by a call that the caller makes (ERC-1271)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from eth_account import Account
from eth_account.messages import SignableMessage, encode_defunct, encode_typed_data
from eth_keys.exceptions import BadSignature
from eth_utils.exceptions import ValidationError

from earnest.escrow.txs import encode_call, split_signature
from earnest.payment.errors import InvalidInput
from earnest.payment.primitives import Address, Hash32, parse_address, to_bytes
from earnest.payment.typed_data import TypedData

ERC1271_MAGIC: Final = bytes.fromhex("1626ba7e")
"""What a wallet answers that accepts a signature. Source: ERC-1271."""
_HALF_ORDER: Final = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Of each signature there is a second form, which contracts refuse. Source: EIP-2."""


def recover(message: TypedData, signature: bytes) -> Address | None:
    """Return whose key signed a message, as the escrow recovers it; None where it is no key's signature."""
    return _recover(lambda: encode_typed_data(full_message=message.as_json()), signature)


def recover_text(text: str, signature: bytes) -> Address | None:
    """Return whose key signed a text (EIP-191, `personal_sign`); None where it is no key's signature."""
    return _recover(lambda: encode_defunct(text=text), signature)


def _recover(encode: Callable[[], SignableMessage], signature: bytes) -> Address | None:
    try:
        v, r, s = split_signature(signature)
    except InvalidInput:
        return None
    if int.from_bytes(s, "big") > _HALF_ORDER:
        return None
    signable = encode()
    try:
        found = Account.recover_message(signable, vrs=(v, int.from_bytes(r, "big"), int.from_bytes(s, "big")))
    except (BadSignature, ValidationError, ValueError):
        return None
    return parse_address(str(found))


def is_valid_signature(digest: Hash32, signature: bytes) -> str:
    """Return the call data that asks a contract wallet whether it accepts a signature."""
    return encode_call("isValidSignature", ["bytes32", "bytes"], [to_bytes(digest), signature])


def decode_is_valid_signature(answer: bytes) -> bool:
    """Decode the answer to `is_valid_signature`; anything but the magic value is a no."""
    return len(answer) == 32 and answer[:4] == ERC1271_MAGIC and not any(answer[4:])

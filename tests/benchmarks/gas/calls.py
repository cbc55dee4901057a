"""How a tx is written down before it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey

from earnest.payment.primitives import keccak


@dataclass(frozen=True)
class Call:
    """A tx to be sent: by whom, with what, after how many seconds; `to` is empty for the escrow that is measured."""

    sender: PrivateKey
    data: bytes
    value: int = 0
    wait: int = 0
    to: bytes = b""


def call_data(signature: str, *arguments: Any) -> bytes:
    """Return calldata; the signature is written as `name(type,…)`."""
    inner = signature[signature.index("(") + 1 : -1]
    return keccak(signature.encode())[:4] + encode(_split(inner), arguments)


def _split(types: str) -> list[str]:
    """Split at the commas outside of brackets."""
    found, depth, start = [], 0, 0
    for place, letter in enumerate(types):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(types[start:place])
            start = place + 1
    return [*found, types[start:]] if types else []

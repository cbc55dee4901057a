"""What may be said in public about an error. What a node says is not ours: it may hold a key, markup, or no end.

`/health/sync` is open to everybody, and a provider's answer may well repeat the URL it was asked at, key and all. So of
an error that a node worded only our own words are told; its own stand in the log. All else is bounded and made plain.
"""

from __future__ import annotations

import re
from typing import Final

from earnest.chain.errors import RpcError
from earnest.payment.errors import EarnestError

MAX_CHARACTERS: Final = 500
"""The longest sentence of ours names two hashes and three endpoints."""
_URL: Final = re.compile(r"\b([a-z][a-z0-9+.-]{1,15})://[^\s'\"<>]+", re.IGNORECASE)
_KEY: Final = re.compile(r"(?<![0-9A-Za-z_])(?!0x)(?=[A-Za-z0-9_]*[0-9])[A-Za-z0-9_]{24,}")
"""Providers' keys are 32 characters and more, digits among them; hashes and addresses begin with 0x."""


def public_words(error: EarnestError) -> str:
    """Return what everybody may read of an error."""
    if isinstance(error, RpcError):
        return f"{plain(error.method)}: the node answered with JSON-RPC error {error.error_code}; the log has its words"
    return plain(str(error))


def plain(text: str) -> str:
    """Return text without URLs, keys, control characters and markup, and not too long."""
    text = _KEY.sub("[cut]", _URL.sub(r"\1:[cut]", text[: 4 * MAX_CHARACTERS]))
    text = "".join(each if each.isprintable() and each not in "<>" else f"\\x{ord(each):02x}" for each in text)
    return text if len(text) <= MAX_CHARACTERS else text[: MAX_CHARACTERS - 1] + "…"

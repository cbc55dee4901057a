"""What a node's answer to a broadcast tx means; nodes say it in words only, so the words are collected here."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from earnest.chain.errors import RpcError


class SendAnswer(Enum):
    """What a node says to a tx that it was handed."""

    TAKEN = auto()
    """It has the tx now, or had it before."""
    NONCE_USED = auto()
    """A tx with this nonce is mined: one of our attempts, or another tx altogether. Receipts will tell."""
    NONCE_TAKEN = auto()
    """Another tx with this nonce waits, and ours does not offer enough more to replace it."""
    NO_MONEY = auto()
    """The account cannot pay for it."""
    TOO_CHEAP = auto()
    """It offers less than the node takes now."""
    REFUSED = auto()
    """Something else; the node's words say what."""


# Order matters: "replacement transaction underpriced" is about the nonce, "transaction underpriced" about the fee.
_ANSWERS: Final = (
    (SendAnswer.TAKEN, r"already known|known transaction|already imported|already in (the )?mempool|already exists"),
    (SendAnswer.NONCE_USED, r"nonce (is )?too low|nonce.{0,20}already used|old nonce|oldnonce|invalid nonce"),
    (SendAnswer.NONCE_TAKEN, r"replacement|gas price too low to replace|could not replace"),
    (
        SendAnswer.NO_MONEY,
        r"insufficient funds|insufficient balance|not enough (funds|balance)|can.?t pay|cannot afford",
    ),
    (
        SendAnswer.TOO_CHEAP,
        r"underpriced|less than (the )?block base fee|max ?fee ?per ?gas|fee ?cap|fee too low|gas price (is )?too low",
    ),
)
_COMPILED: Final = tuple((answer, re.compile(pattern, re.IGNORECASE)) for answer, pattern in _ANSWERS)
_REVERTED: Final = re.compile(r"revert", re.IGNORECASE)
_REVERT_CODE: Final = 3
"""The code that nodes give a reverted call. Source: go-ethereum's JSON-RPC errors."""


def meaning(error: RpcError) -> SendAnswer:
    """Return what an error in answer to a broadcast tx means."""
    return next((answer for answer, words in _COMPILED if words.search(error.message)), SendAnswer.REFUSED)


def is_revert(error: RpcError) -> bool:
    """Return whether a call or an estimate failed because the contract refuses, and not for the node's own reasons."""
    return error.error_code == _REVERT_CODE or bool(_REVERTED.search(error.message)) or revert_data(error) is not None


def revert_data(error: RpcError) -> str | None:
    """Return the bytes with which the contract refused, as `0x…`; None if the node did not pass them on."""
    data = error.data
    if isinstance(data, dict):  # some nodes wrap them once more
        data = data.get("data") or data.get("result")
    if isinstance(data, str):
        found = re.search(r"0x[0-9a-fA-F]*", data)  # and some put "Reverted " before them
        return found.group() if found and len(found.group()) >= 10 else None
    return None

"""Cursors of lists: opaque to whoever gets one, and checked when it comes back."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from earnest.payment.errors import InvalidInput


def write_cursor(*place: int | str) -> str:
    """Return a cursor for the place after which the next piece of a list begins."""
    return base64.urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def read_cursor(cursor: str, *kinds: type) -> list[Any]:
    """Return the place that a cursor stands for, given the types of its parts; raises `InvalidInput`."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        place = None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds) or not _fits(place):
        raise InvalidInput("this is no cursor of ours: give the `next_cursor` of a list unchanged", param="cursor")
    return place


def _fits(place: list[Any]) -> bool:
    """Whether both databases can compare with it: integers of 64 bits, text without NUL and halves of characters."""
    return all(abs(part) < 2**63 if isinstance(part, int) else part.isascii() and "\x00" not in part for part in place)

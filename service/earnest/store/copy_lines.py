"""Rows as PostgreSQL's COPY reads them, thousands of values in one go: half of what the driver takes row by row."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

_MEANS_ITSELF: Final = bytes(each for each in range(ord(" "), 128) if each not in b"\\'N")
"""Characters that stand for nothing but themselves. The others: what ends a value or a row, the backslash, by which
COPY writes those, the quote that Python has around bytes or in them, and the letter with which its None begins."""


def lines_of(rows: Sequence[tuple[Any, ...]]) -> bytes | None:
    """Return rows as COPY's text, None where some value needs more than to be written as it stands.

    Args:
        rows: at least one, all of one width; of str, int, bool, bytes and None.
    """
    width = len(rows[0])
    line = "\t".join(["%s"] * width) + "\n"
    text = line * len(rows) % tuple(chain.from_iterable(rows))
    # Whatever encoding a connection has, these characters are the same in it.
    if not text.isascii():
        return None
    written = text.encode()
    # Nothing else than what was put between the values: so nothing of that stands in one.
    between = (b"\t" * (width - 1) + b"\n") * len(rows)
    return written if written.translate(None, _MEANS_ITSELF) == between else None

"""RLP, the chain's own encoding of bytes and lists: strict, in linear time, bounded in depth.

Written out because the usual library copies a list's bytes once more for each of its items, and recurses as deep as the
input says: a proof comes from a stranger. Source: Ethereum's yellow paper, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

Item = bytes | Sequence["Item"]
"""Bytes, or a list of items."""

MAX_DEPTH: Final = 8
"""A receipt, the deepest thing that we read, nests four lists."""
_SHORT: Final = 55


class NotRlp(ValueError):
    """These bytes are no RLP in its one canonical form."""


def encode(item: Item) -> bytes:
    """Return the encoding of bytes or of a list."""
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return item
        return _prefix(len(item), 0x80) + item
    payload = b"".join([encode(each) for each in item])
    return _prefix(len(payload), 0xC0) + payload


def encode_int(number: int) -> bytes:
    """Return a number's bytes as RLP has them: big-endian, without leading zeros; `ValueError` for a negative one."""
    if number < 0:
        raise ValueError("RLP has no negative numbers")
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def decode(data: bytes) -> Item:
    """Return what `data` encodes, lists as `list`; raises `NotRlp` for any form but the canonical one."""
    item, end = _decode(data, 0, len(data), MAX_DEPTH)
    if end != len(data):
        raise NotRlp(f"{len(data) - end} bytes follow after its end")
    return item


def decode_int(item: Item) -> int:
    """Return the number that an item stands for; raises `NotRlp` for a list or for leading zeros."""
    if not isinstance(item, bytes) or item[:1] == b"\0":
        raise NotRlp("no number in its shortest form")
    return int.from_bytes(item, "big")


def _decode(data: bytes, start: int, limit: int, depth: int) -> tuple[Item, int]:
    if start >= limit:
        raise NotRlp("it ends too early")
    first = data[start]
    if first < 0x80:
        return data[start : start + 1], start + 1
    if first < 0xC0:
        begin, end = _span(data, start, limit, 0x80)
        if end - begin == 1 and data[begin] < 0x80:
            raise NotRlp("a single byte with a prefix that it does not need")
        return data[begin:end], end
    if depth == 0:
        raise NotRlp(f"lists nested deeper than {MAX_DEPTH}")
    begin, end = _span(data, start, limit, 0xC0)
    items: list[Item] = []
    while begin < end:
        item, begin = _decode(data, begin, end, depth - 1)
        items.append(item)
    return items, end


def _span(data: bytes, start: int, limit: int, offset: int) -> tuple[int, int]:
    """Return where the payload of a string or a list begins and ends."""
    size, begin = data[start] - offset, start + 1
    if size > _SHORT:
        digits = data[begin : begin + size - _SHORT]
        begin += size - _SHORT
        size = int.from_bytes(digits, "big")
        if digits[:1] == b"\0" or size <= _SHORT:
            raise NotRlp("a length that is not in its shortest form")
    if begin + size > limit:
        raise NotRlp("it ends too early")
    return begin, begin + size


def _prefix(size: int, offset: int) -> bytes:
    if size <= _SHORT:
        return bytes([offset + size])
    digits = encode_int(size)
    return bytes([offset + _SHORT + len(digits)]) + digits

"""RLP, the chain's own encoding of bytes and lists: strict, in linear time, bounded in depth.

Written out because the usual library copies a list's bytes once more for each of its items, and recurses as deep as the
input says: a proof comes from a stranger. Source: Ethereum's yellow paper, appendix B.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
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
        return _string(item)
    # Most of a list's items are bytes, and are not worth a call of this function each.
    payload = b"".join([_string(each) if isinstance(each, bytes) else encode(each) for each in item])
    return _prefix(len(payload), 0xC0) + payload


def encode_list(encoded: bytes) -> bytes:
    """Return the encoding of a list whose items, encoded and one after the other, are given."""
    return _prefix(len(encoded), 0xC0) + encoded


def hex_of_bytes(text: str) -> str:
    """Return the encoding of bytes that are given as `0x…`, as hexadecimal digits and all in text.

    What has many fields is put together in this way and turned into bytes once, by `bytes_of_hex`, which alone finds
    what is no digit: a third of the time.

    Raises:
        ValueError: it does not begin with `0x`, or ends in the middle of a byte.
    """
    digits = text[2:]
    size = len(digits)
    if size & 1 or text[:2] != "0x":
        raise ValueError(f"{text[:80]!r} is no bytes in hexadecimal")
    if size == 2 and digits < "80":
        return digits
    return f"{_hex_prefix(size // 2, 0x80)}{digits}"


def hex_of_int(number: int) -> str:
    """Return the encoding of a number as `hex_of_bytes` does; raises `ValueError` for a negative one."""
    return encode(encode_int(number)).hex()


def hex_of_list(encoded: str) -> str:
    """Return the encoding of a list whose items, encoded and one after the other, are given."""
    return f"{_hex_prefix(len(encoded) // 2, 0xC0)}{encoded}"


def bytes_of_hex(encoded: str) -> bytes:
    """Return the bytes; raises `ValueError` if there is anything else in it than digits."""
    raw = bytes.fromhex(encoded)
    # `fromhex` passes over blanks: what is hashed would be right, and nobody would recognise the text.
    if 2 * len(raw) != len(encoded):
        raise ValueError("there are blanks between the digits")
    return raw


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


def _string(raw: bytes) -> bytes:
    size = len(raw)
    if size <= _SHORT:
        return raw if size == 1 and raw < b"\x80" else _SHORT_STRINGS[size] + raw
    return _prefix(size, 0x80) + raw


def _prefix(size: int, offset: int) -> bytes:
    if size <= _SHORT:
        return bytes((offset + size,))
    digits = encode_int(size)
    return bytes((offset + _SHORT + len(digits),)) + digits


@lru_cache(maxsize=1_024)
def _hex_prefix(size: int, offset: int) -> str:
    return _prefix(size, offset).hex()


_SHORT_STRINGS: Final = tuple(bytes((0x80 + size,)) for size in range(_SHORT + 1))

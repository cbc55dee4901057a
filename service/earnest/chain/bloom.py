"""The logs bloom of a block's header: it can say "certainly not", never "certainly". Source: Yellow Paper, 4.4.3."""

from __future__ import annotations

from binascii import unhexlify
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from struct import Struct
from typing import Final

from earnest.chain.node import RawLog
from earnest.payment.events import EVERY_TOPIC
from earnest.payment.primitives import Address, Hash32, keccak

_THREE: Final = Struct(">HHH").unpack_from
_ADDRESS: Final = 42
_TOPIC: Final = 66
"""How long they are as text."""
_BITS: Final = tuple(1 << bit for bit in range(2048))


@lru_cache(maxsize=8_192)
def mask(value: str) -> int:
    """Return the three bits that an address or a topic (of any case) sets in a block's bloom.

    Raises:
        ValueError: it is not `0x` and hexadecimal digits.
    """
    return _bits(value)


def _bits(value: str) -> int:
    if value[:2] not in ("0x", "0X"):
        raise ValueError(f"{value[:80]!r} is no hexadecimal")
    one, two, three = _THREE(keccak(unhexlify(value[2:])))
    bits: int = _BITS[one & 2047] | _BITS[two & 2047] | _BITS[three & 2047]
    return bits


def bloom_of(values: Iterable[Address | Hash32]) -> int:
    """Return the bloom of a block whose logs hold these addresses and topics."""
    bits = 0
    for value in values:
        bits |= mask(value)
    return bits


def may_hold(bloom: int, value: Address | Hash32) -> bool:
    """Return whether a block with this bloom can hold a log with this address or topic."""
    bits = mask(value)
    return bloom & bits == bits


def may_hold_events(bloom: int, escrow: Address) -> bool:
    """Return whether a block with this bloom can hold an event of the escrow."""
    return may_hold(bloom, escrow) and any(may_hold(bloom, topic) for topic in EVERY_TOPIC)


def accounted_for(raws: Sequence[RawLog]) -> int:
    """Return the bits that these logs account for; what is no address, or no topic, accounts for nothing.

    So an address that is told as a topic does not stand for a log of that address. Most values stand in several logs of
    a block, so each is looked at once.
    """
    return _bits_of(_of_address, set(map(attrgetter("address"), raws))) | _bits_of(
        _of_topic, set(chain.from_iterable(map(attrgetter("topics"), raws)))
    )


def _bits_of(bits_of: Callable[[str], int], values: set[str]) -> int:
    bits = 0
    try:
        for told in map(bits_of, values):
            bits |= told
    except ValueError:
        for value in values:
            with suppress(ValueError):
                bits |= bits_of(value)
    return bits


# What they refuse is not remembered: a node can tell as much of it as an answer holds, and ever new.
@lru_cache(maxsize=1_024)
def _of_address(value: str) -> int:
    return _bits_if_so_long(value, _ADDRESS)


@lru_cache(maxsize=8_192)
def _of_topic(value: str) -> int:
    return _bits_if_so_long(value, _TOPIC)


def _bits_if_so_long(value: str, characters: int) -> int:
    if len(value) != characters:
        raise ValueError(f"{value[:80]!r} is not of {characters} characters")
    return _bits(value)

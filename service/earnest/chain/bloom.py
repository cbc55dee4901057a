"""The logs bloom of a block's header: it can say "certainly not", never "certainly". Source: Yellow Paper, 4.4.3."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from earnest.payment.events import CREDIT_WITHDRAWN_TOPIC, TOPICS
from earnest.payment.primitives import Address, Hash32, keccak, to_bytes

_OUR_TOPICS: Final = (*TOPICS, CREDIT_WITHDRAWN_TOPIC)


@lru_cache(maxsize=65_536)
def mask(value: Address | Hash32) -> int:
    """Return the three bits that an address or a topic sets in a block's bloom."""
    digest = keccak(to_bytes(value))
    bits = 0
    for at in (0, 2, 4):
        bits |= 1 << (int.from_bytes(digest[at : at + 2], "big") & 2047)
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
    return may_hold(bloom, escrow) and any(may_hold(bloom, topic) for topic in _OUR_TOPICS)

"""How often one caller may ask: a bucket of tokens that fills at a steady rate."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Final

from earnest.api.errors import TooManyRequests

MAX_CALLERS: Final = 10_000
"""Whoever has not been seen for longest is forgotten beyond that, which at worst gives him a full bucket again."""


def counts_as(caller: str) -> str:
    """Return whom a caller counts as: with IPv6 everyone has a whole /64, so one address of it is nobody. RFC 6177."""
    if ":" not in caller:
        return caller
    try:
        address = ipaddress.IPv6Address(caller)
    except ValueError:
        return caller
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64)) + "/64"


class TokenBuckets:
    """One bucket for each caller; of this process alone, so several processes allow several times as much.

    Args:
        per_second: how fast a bucket fills.
        burst: how much it holds.
        monotonic: seconds on a clock that never goes back.
    """

    def __init__(self, per_second: float, burst: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._monotonic = per_second, burst, monotonic
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> None:
        """Take one token; raises `TooManyRequests` telling when there is one again."""
        caller = counts_as(caller)
        now = self._monotonic()
        with self._lock:
            tokens, at = self._buckets.pop(caller, (float(self._burst), now))
            tokens = min(float(self._burst), tokens + (now - at) * self._per_second)
            enough = tokens >= 1
            self._buckets[caller] = (tokens - 1 if enough else tokens, now)
            if len(self._buckets) > MAX_CALLERS:
                self._buckets.popitem(last=False)
        if not enough:
            raise TooManyRequests(max(1, math.ceil((1 - tokens) / self._per_second)))

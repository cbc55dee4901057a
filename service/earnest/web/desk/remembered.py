"""What is dear to add up, kept for a while: the dearer, the longer."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, Final

from earnest.store import Transaction

Sums = Sequence[Mapping[str, Any]]

TIMES: Final = 20
"""A merchant who loads the page all the time has a twentieth of a thread spent on his sums: what takes a second is told
for 20."""
DEAR_SECONDS: Final = 1.0
"""Whatever takes less is added up each time: up to a second a reader's thought is not broken off. Source: Nielsen,
"Response times: the three important limits"."""
MOST: Final = 1_000
"""Merchants; whoever has not looked for longest is added up anew."""


class Remembered:
    """Sums that may be a little old; of this process alone.

    Args:
        ask: adds a merchant's sums up.
        monotonic: seconds on a clock that never goes back.
    """

    def __init__(
        self, ask: Callable[[Transaction, str], Sums], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask, self._monotonic = ask, monotonic
        self._kept: OrderedDict[str, tuple[float, Sums]] = OrderedDict()
        self._lock = Lock()

    def __call__(self, tx: Transaction, merchant_id: str) -> Sums:
        """Return a merchant's sums, anew or as they were a moment ago."""
        began = self._monotonic()
        with self._lock:
            until, known = self._kept.get(merchant_id, (began, ()))
        if began < until:
            return known
        found = self._ask(tx, merchant_id)
        now = self._monotonic()
        if now - began < DEAR_SECONDS:
            return found
        with self._lock:
            self._kept[merchant_id] = now + TIMES * (now - began), found
            self._kept.move_to_end(merchant_id)
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return found

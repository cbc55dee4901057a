"""How long to wait after so many failures in a row."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

from earnest.chain.errors import NodeUnavailable, RateLimited

FIRST_SECONDS: Final = 0.1
GROWTH: Final = 1.5
"""The last wait of an outage is a third of it: who was away for a second is noticed a third of one later."""
LONGEST_SECONDS: Final = 15.0
"""A node that comes back is noticed within this time."""
_RANDOM: Final = random.SystemRandom()


def backoff_seconds(failures: int) -> float:
    """Return the wait after the n-th failure in a row: longer each time, bounded, and spread."""
    longest: float = min(FIRST_SECONDS * GROWTH ** max(0, min(failures - 1, 30)), LONGEST_SECONDS)
    return spread(longest, 0.5, 1.0)


def spread(seconds: float, at_least: float, at_most: float) -> float:
    """Return a wait times a factor between two, so that those who were cut off together do not come back together."""
    return seconds * _RANDOM.uniform(at_least, at_most)


MOVED_SECONDS: Final = 0.01
MOVES_FORGIVEN: Final = 3
"""A chain that moves while it is asked is asked again at once; where it happens more often, something else is wrong."""


def moved_seconds(failures: int) -> float:
    """Return the wait after the chain, or the mirror, moved under our hands, for the n-th failure in a row."""
    return MOVED_SECONDS * failures if failures <= MOVES_FORGIVEN else backoff_seconds(failures - MOVES_FORGIVEN)


FIRST_DELAY_SECONDS: Final = 0.1
AT_ONCE_SECONDS: Final = 0.02
"""After an answer that broke off, or that a gateway gave: most often the next connection, or machine, is well."""
FIRST_LIMITED_SECONDS: Final = 0.05
"""After being asked for less without a word on how much: most limits count requests by the second."""
MAX_DELAY_SECONDS: Final = 5.0
SPREAD: Final = (0.8, 1.2)
LONGEST_RETRY_SECONDS: Final = MAX_DELAY_SECONDS * SPREAD[1]


def retry_seconds(attempt: int, error: NodeUnavailable) -> float:
    """Return the wait before a question is asked again, after so many retries; what the node wishes, within bounds."""
    if isinstance(error, RateLimited):
        wished = error.retry_after_seconds
        delay = FIRST_LIMITED_SECONDS * 2**attempt if wished is None else wished
    else:
        delay = FIRST_DELAY_SECONDS * 2 ** (attempt - 1) if attempt else AT_ONCE_SECONDS
    return spread(min(delay, MAX_DELAY_SECONDS), *SPREAD)


class Pause:
    """Until when somebody wants to be left alone; of every thread's.

    Of many questions that are on their way he refuses each, and says each time how long to wait: that is one wait.
    """

    def __init__(self) -> None:
        self._heard_at = self._until = float("-inf")

    def hear(self, asked_at: float, seconds: float) -> None:
        """Note that a question, asked at that moment (monotonic), was answered by the wish for so long a pause."""
        if asked_at > self._heard_at:  # or it was asked before the last wish, which it only repeats
            self._heard_at = time.monotonic()
            self._until = self._heard_at + seconds

    def left(self) -> float:
        """Return for how many seconds more nothing should be asked."""
        return max(0.0, self._until - time.monotonic())

    def wait(self, sleep: Callable[[float], object]) -> float:
        """Wait for as long, if at all, and return how long."""
        if seconds := self.left():
            sleep(seconds)
        return seconds

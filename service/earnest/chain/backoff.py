"""How long to wait after so many failures in a row."""

from __future__ import annotations

import random
from typing import Final

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

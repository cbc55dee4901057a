"""How long to wait after so many failures in a row."""

from __future__ import annotations

import random
from typing import Final

FIRST_SECONDS: Final = 0.25
LONGEST_SECONDS: Final = 15.0
"""A node that comes back is noticed within this time."""


def backoff_seconds(failures: int) -> float:
    """Return the wait after the n-th failure in a row: doubled each time, bounded, and spread."""
    doublings = max(0, min(failures - 1, 16))
    longest: float = min(FIRST_SECONDS * 2.0**doublings, LONGEST_SECONDS)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

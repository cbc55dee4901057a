"""New names: a prefix that says what it is, and 96 random bits, so that nobody has to be asked whether it is free."""

from __future__ import annotations

import secrets
from collections.abc import Callable

Random = Callable[[int], bytes]
"""From a number of bytes to so many random ones; `secrets.token_bytes`, or a fixed one in tests."""

strong_random: Random = secrets.token_bytes


def new_id(prefix: str, random: Random) -> str:
    """Return a new name such as `mer_0123456789abcdef01234567`."""
    return f"{prefix}_{random(12).hex()}"

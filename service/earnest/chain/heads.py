"""How the follower learns that there may be a new block."""

from __future__ import annotations

from threading import Event
from typing import Protocol


class Heads(Protocol):
    """Waits for news of the chain's head."""

    def wait(self, seconds: float, stop: Event) -> None:
        """Return when there may be a new block, when `stop` is set, or after so many seconds; never later."""


class Polling:
    """Knows nothing of blocks: looks again after the whole time. This is what always works."""

    def wait(self, seconds: float, stop: Event) -> None:
        """Wait the whole time, unless told to stop."""
        stop.wait(seconds)

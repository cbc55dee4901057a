"""How the follower learns that there may be a new block."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from threading import Event
from typing import Final, Protocol

from earnest.chain.updates import Block
from earnest.payment.primitives import Hash32


class HeadsBy(StrEnum):
    """By what new blocks are noticed."""

    SUBSCRIPTION = "subscription"
    """A node tells of each at once; it is asked all the same, only less often."""
    POLLING = "polling"
    """The node is asked again and again."""


@dataclass(frozen=True, slots=True)
class HeadsReport:
    """For health checks. `why`: what is wrong with the subscription, or why there is none."""

    by: HeadsBy
    why: str | None = None


class Heads(Protocol):
    """Waits for news of the chain's head."""

    def wait(self, seconds: float, stop: Event, newest: Block | None = None) -> None:
        """Return when there may be a new block, or when `stop` is set.

        Args:
            seconds: the usual pace: how long to wait at most while nobody tells of new blocks.
            newest: the newest block that the node showed so far.
        """

    def hint(self) -> Hash32 | None:
        """Return the hash that the newest block may have; what belongs to it is asked for along with the block."""

    def report(self) -> HeadsReport:
        """Return how new blocks are noticed now; may be called from any thread."""


class Polling:
    """Knows nothing of blocks: looks again after the whole time. This is what always works.

    Args:
        why: why nobody tells of new blocks.
    """

    def __init__(self, why: str = "no WebSocket endpoint is set") -> None:
        self._report: Final = HeadsReport(HeadsBy.POLLING, why)

    def wait(self, seconds: float, stop: Event, newest: Block | None = None) -> None:  # noqa: ARG002
        """Wait the whole time, unless told to stop."""
        stop.wait(seconds)

    def hint(self) -> Hash32 | None:
        """Return None."""
        return None

    def report(self) -> HeadsReport:
        """Return that nobody tells, and why."""
        return self._report

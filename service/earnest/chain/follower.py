"""Follows one chain and tells the mirror what counts: blocks accepted with their logs, orphaned, final."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from threading import Event

from earnest.chain.node import Node
from earnest.chain.updates import ChainUpdate, Mirror
from earnest.payment.primitives import Address
from earnest.settings import FinalityRule


class FollowerState(StrEnum):
    """What a follower is doing."""

    STARTING = "starting"
    """Has not reached the node yet."""
    FOLLOWING = "following"
    """All is well; see the lag."""
    WAITING = "waiting"
    """The node does not answer, or not sensibly; asks again with growing delays."""
    FROZEN = "frozen"
    """A final block is gone from the node's chain: nothing is written until they agree again. Raise the alarm."""
    STOPPED = "stopped"
    """Misconfigured: the host has to mend something."""


@dataclass(frozen=True, slots=True)
class FollowerStatus:
    """For health checks. Numbers are block numbers, `lag_blocks` what is still to be told; times are Unix seconds."""

    state: FollowerState = FollowerState.STARTING
    head: int | None = None
    final: int | None = None
    node_head: int | None = None
    lag_blocks: int | None = None
    error: str | None = None
    failures: int = 0
    last_update_at: float | None = None


class Follower:
    """Follows one chain for one escrow.

    Args:
        node: where the chain is asked.
        mirror: who believes what is told.
        chain_id: the chain that the node must be on.
        escrow: the contract whose logs matter.
        deployed_at_block: the first block that matters.
        finality: from when on a block is final.
        poll_seconds: how long to wait at the head.
        clock: wall time in Unix seconds.
    """

    def __init__(
        self,
        node: Node,
        mirror: Mirror,
        *,
        chain_id: int,
        escrow: Address,
        deployed_at_block: int,
        finality: FinalityRule,
        poll_seconds: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._node = node
        self._mirror = mirror
        self._chain_id = chain_id
        self._escrow = escrow
        self._deployed_at_block = deployed_at_block
        self._finality = finality
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._status = FollowerStatus()

    def status(self) -> FollowerStatus:
        """Return how it goes; may be called from any thread."""
        return self._status

    def step(self) -> list[ChainUpdate]:
        """Tell the mirror what is new, at most one batch, and return it; empty if nothing is."""
        raise NotImplementedError

    def run(self, stop: Event) -> None:
        """Follow until told to stop."""
        raise NotImplementedError

"""Follows one chain and tells the mirror what counts: blocks accepted with their logs, orphaned, final."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from threading import Event
from typing import Final

from earnest.chain.backoff import LONGEST_SECONDS, backoff_seconds
from earnest.chain.canonical import above, after, block_at, newest_shared, newly_final
from earnest.chain.errors import ChainMismatch, GenesisChanged, NodeBehind, ReorgPastFinality
from earnest.chain.fetch import Fetcher
from earnest.chain.finality import final_number
from earnest.chain.node import Header, Node
from earnest.chain.updates import Block, BlockFinal, BlocksOrphaned, ChainUpdate, Mirror, Position
from earnest.payment.errors import EarnestError, Misconfigured
from earnest.payment.primitives import Address
from earnest.settings import FinalityRule

log = logging.getLogger(__name__)

WALK_BACK_BLOCKS: Final = 50
"""How many headers are asked for at once when looking for the block that both sides share."""


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
        self._deployed_at_block = deployed_at_block
        self._finality = finality
        self._poll_seconds = poll_seconds
        self._clock = clock
        self._fetcher = Fetcher(node, escrow)
        self._status = FollowerStatus()
        self._greeted = False

    def status(self) -> FollowerStatus:
        """Return how it goes; may be called from any thread."""
        return self._status

    def step(self) -> list[ChainUpdate]:
        """Tell the mirror what is new, at most one batch in one `take`, and return it; empty if nothing is.

        Raises:
            ChainMismatch, GenesisChanged: the node is on another chain; nothing helps but the host.
            ReorgPastFinality: a final block is gone; nothing was told.
            Unavailable, ChainDisagrees: nothing was told; the next step tries again.
        """
        try:
            return self._step()
        except (
            Exception
        ) as error:  # a fault of ours stands in the way as well, and health must not say that all is fine
            self._greeted = False  # whoever answers next may be another
            self._note_failure(error)
            raise

    def run(self, stop: Event) -> None:
        """Follow until told to stop.

        A node that is away, behind or talks nonsense is asked again with growing delays, however long it takes. Raises
        `Misconfigured` (its leaves) when only the host can help.
        """
        while not stop.is_set():
            try:
                updates = self.step()
            except Misconfigured as error:
                log.critical("following chain %d stopped: %s", self._chain_id, error)
                raise
            except ReorgPastFinality as error:
                log.critical("following chain %d is frozen: %s", self._chain_id, error)
                stop.wait(LONGEST_SECONDS)
            except EarnestError as error:
                log.warning("following chain %d waits: %s", self._chain_id, error)
                stop.wait(backoff_seconds(self._status.failures))
            else:
                if not (updates and self._status.lag_blocks):
                    stop.wait(self._poll_seconds)

    def _step(self) -> list[ChainUpdate]:
        position = self._mirror.position()
        if position is None or not self._greeted:
            position = self._greet(position)
        latest = self._node.header("latest")
        if latest is None:
            raise NodeBehind(f"the node at {self._node.endpoint} has no blocks yet")
        updates = self._news(position, latest, final_number(self._node, self._finality, latest))
        if updates:
            self._mirror.take(updates)
        self._note_success(after(position, updates), latest, told=bool(updates))
        return updates

    def _greet(self, position: Position | None) -> Position:
        """Make sure that this is the chain that was configured and that was followed before."""
        chain_id = self._node.chain_id()
        if chain_id != self._chain_id:
            raise ChainMismatch(self._node.endpoint, self._chain_id, chain_id)
        genesis = self._node.header(0)
        if genesis is None:
            raise NodeBehind(f"the node at {self._node.endpoint} does not have the first block")
        if position is None:
            position = self._mirror.begin(genesis.block.hash)
        if position.genesis_hash != genesis.block.hash:
            raise GenesisChanged(self._chain_id, position.genesis_hash, genesis.block.hash)
        self._greeted = True
        return position

    def _news(self, position: Position, latest: Header, final: int) -> list[ChainUpdate]:
        updates: list[ChainUpdate] = []
        orphaned = self._orphaned(position, latest)
        if orphaned:
            updates.append(BlocksOrphaned(orphaned))
            position = after(position, updates)
        first = position.head.number + 1 if position.head else self._deployed_at_block
        if first <= min(final, latest.block.number):
            updates += self._fetcher.page(position.head, first, min(final, latest.block.number))
        elif first <= latest.block.number:
            updates += self._fetcher.live(position.head, first, latest.block.number)
        now_final = newly_final(after(position, updates[1:] if orphaned else updates), final)
        return [*updates, BlockFinal(now_final)] if now_final else updates

    def _orphaned(self, position: Position, latest: Header) -> tuple[Block, ...]:
        """Return the accepted blocks that the node's chain no longer has, newest first.

        A node whose head went back is only behind, as long as it has the same blocks up to there.
        """
        head = position.head
        if head is None or _is_or_follows(latest.block, head):
            return ()
        if latest.block.number < position.blocks[0].number:
            self._greet(position)
            return ()
        newest = block_at(position, min(head.number, latest.block.number))
        if newest is not None and self._told_at([newest.number])[0].block.hash == newest.hash:
            return ()
        self._greet(position)  # a wiped chain looks like a deep reorg
        return above(position, self._shared(position, latest))

    def _shared(self, position: Position, latest: Header) -> Block | None:
        """Walk back by hash to the newest block that both sides have; None if there is none and nothing was final."""
        numbers = [block.number for block in reversed(position.blocks) if block.number <= latest.block.number]
        told: list[Header] = []
        for start in range(0, len(numbers), WALK_BACK_BLOCKS):
            told = self._told_at(numbers[start : start + WALK_BACK_BLOCKS])
            shared = newest_shared(position, told)
            if shared is not None:
                return shared
        if position.final_number >= 0:
            oldest = position.blocks[0]
            raise ReorgPastFinality(oldest.number, oldest.hash, told[-1].block.hash if told else None)
        return None

    def _told_at(self, numbers: list[int]) -> list[Header]:
        headers = [header for header in self._node.headers(numbers) if header is not None]
        if len(headers) < len(numbers):
            raise NodeBehind(f"the node at {self._node.endpoint} lost blocks while it was asked for them")
        return headers

    def _note_success(self, position: Position, latest: Header, *, told: bool) -> None:
        head = position.head.number if position.head else None
        reached = self._deployed_at_block - 1 if head is None else head
        self._status = FollowerStatus(
            state=FollowerState.FOLLOWING,
            head=head,
            final=position.final_number if position.final_number >= 0 else None,
            node_head=latest.block.number,
            lag_blocks=max(0, latest.block.number - reached),
            last_update_at=self._clock() if told else self._status.last_update_at,
        )

    def _note_failure(self, error: Exception) -> None:
        # Of what is not in our tree only the kind is told: its words were not written for people outside.
        words = (
            str(error) if isinstance(error, EarnestError) else f"a fault of ours ({type(error).__name__}): see the log"
        )
        match error:
            case Misconfigured():
                state = FollowerState.STOPPED
            case ReorgPastFinality():
                state = FollowerState.FROZEN
            case _:
                state = FollowerState.WAITING
        self._status = replace(self._status, state=state, error=words, failures=self._status.failures + 1)


def _is_or_follows(block: Block, head: Block) -> bool:
    return block == head or (block.parent_hash == head.hash and block.number == head.number + 1)

"""The chain once more from the escrow's deployment on, into a database of its own beside the mirror."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from earnest.chain.backoff import backoff_seconds
from earnest.chain.errors import ReorgPastFinality
from earnest.chain.follower import Follower
from earnest.chain.node import Node
from earnest.chain.updates import Position
from earnest.mirror.clipped import FINALITY, clip
from earnest.mirror.errors import EscrowChanged, FinalBlockDropped, GenesisChanged, RebuildUnderWay, ReplayMissed
from earnest.mirror.goal import Goal
from earnest.mirror.mirror import ChainMirror
from earnest.payment.errors import ChainDisagrees, Unavailable
from earnest.payment.primitives import Address
from earnest.store import Store, open_store
from earnest.store.errors import NotADatabase, SchemaTooNew

log = logging.getLogger(__name__)

PATIENCE: Final = 14
"""How many failures in a row a replay bears; with growing pauses between them that is about a minute."""
_UNUSABLE: Final = (NotADatabase, SchemaTooNew, GenesisChanged, EscrowChanged)


@dataclass(frozen=True, slots=True)
class Tell:
    """How far a rebuild is: `done` of `total` blocks or rows (total 0: unknown)."""

    doing: str
    done: int
    total: int


Progress = Callable[[Tell], None]


@dataclass(frozen=True, slots=True)
class Source:
    """Where the chain is read: the node, and since when the escrow is there."""

    node: Node
    chain_id: int
    escrow: Address
    deployed_at_block: int


class Scratch:
    """The file of a replay; one that was interrupted is taken up again, from the same node only."""

    def __init__(self, folder: Path, source: Source) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        whose = hashlib.sha256(f"{source.escrow} {source.node.endpoint}".encode()).hexdigest()[:8]
        self.path = folder / f"rebuild-{source.chain_id}-{whose}.db"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other rebuilds out of the file; the system lets go of it when this process ends, however it does.

        Raises:
            RebuildUnderWay: one is at work on it.
        """
        path = self.path.with_suffix(".lock")
        with path.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                mine = os.fstat(file.fileno()).st_ino == path.stat().st_ino
            except (BlockingIOError, FileNotFoundError):
                mine = False
            if not mine:  # another one has it, or has just ended and deleted it
                raise RebuildUnderWay(str(self.path))
            try:
                yield
            finally:
                path.unlink(missing_ok=True)

    @contextmanager
    def opened(self, fits: Callable[[Store], bool]) -> Iterator[Store]:
        """Open the file, anew unless it fits."""
        store = self._open()
        try:
            if not self._is_usable(store, fits):
                store.close()
                self.remove()
                store = self._open()
                store.upgrade()
            yield store
        finally:
            store.close()

    def remove(self) -> None:
        """Delete the file."""
        for path in self.path.parent.glob(f"{self.path.name}*"):
            path.unlink(missing_ok=True)

    def _open(self) -> Store:
        return open_store(f"sqlite:///{self.path}")

    def _is_usable(self, store: Store, fits: Callable[[Store], bool]) -> bool:
        try:
            store.upgrade()
            return fits(store)
        except _UNUSABLE:
            return False


class Replay:
    """Follows the chain into a database of its own, up to a goal."""

    def __init__(self, store: Store, source: Source, clock: Callable[[], int]) -> None:
        self._source, self._store = source, store
        # Nobody is told anything here, so no token needs a name.
        self._mirror = ChainMirror(store, source.chain_id, source.escrow, lambda _: None, clock)

    def fits(self, goal: Goal) -> bool:
        """Return whether what was replayed so far is on the way to the goal."""
        position = self._mirror.position()
        if position is None or position.head is None:
            return True
        return goal.head is not None and (
            position.head.number <= goal.head.number and position.final_number <= goal.final
        )

    def run(self, goal: Goal, progress: Progress, sleep: Callable[[float], object] = time.sleep) -> None:
        """Replay up to the goal.

        Raises:
            ReplayMissed: the chain moved away from the goal meanwhile; look for it anew.
            Unavailable: the node did not answer for long; what was replayed is kept.
        """
        head = goal.head.number if goal.head else self._source.deployed_at_block - 1
        node = clip(self._source.node, self._source.chain_id, head, goal.final)
        if goal.head is None:
            genesis = node.header(0)
            assert genesis is not None, "every chain has a first block"
            self._mirror.begin(genesis.block.hash)
            return
        follower = Follower(
            node,
            self._mirror,
            chain_id=self._source.chain_id,
            escrow=self._source.escrow,
            deployed_at_block=self._source.deployed_at_block,
            finality=FINALITY,
        )
        failures = 0
        while not self._reached(goal, progress):
            try:
                told = follower.step()
            except (ReorgPastFinality, FinalBlockDropped) as error:
                raise ReplayMissed(str(error)) from error
            except (Unavailable, ChainDisagrees) as error:
                failures += 1
                if failures > PATIENCE:
                    raise
                log.warning("replaying waits: %s", error)
                sleep(backoff_seconds(failures))
                continue
            failures = 0
            if not told and not self._reached(goal, progress):
                raise ReplayMissed(f"the chain does not lead to block {goal.head.number} ({goal.head.hash}) any more")

    def _reached(self, goal: Goal, progress: Progress) -> bool:
        position: Position | None = self._mirror.position()
        assert goal.head is not None, "without one there is nothing to follow"
        first = self._source.deployed_at_block
        at = position.head.number if position and position.head else first - 1
        progress(Tell("replaying the chain", at - first + 1, goal.head.number - first + 1))
        return position is not None and position.head == goal.head and position.final_number == goal.final

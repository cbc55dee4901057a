"""Compares every payment with the contract's own state at one block, and every token's sums with its balance.

Nothing of the chain is believed by it and nothing mended: a rebuild does that.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from earnest.chain.endpoints import Endpoints
from earnest.chain.node import Node
from earnest.chain.words import public_words
from earnest.mirror.comparison import Comparison, Reconciled
from earnest.mirror.contract_state import StateGone, find_state
from earnest.mirror.errors import EscrowChanged, NothingMirrored, StateNotKept
from earnest.mirror.replay import Progress
from earnest.payment.errors import EarnestError, Unavailable
from earnest.payment.primitives import Address
from earnest.payment.record import BlockRef
from earnest.store import Store, Transaction
from earnest.store.leading import plain
from earnest.store.leads import follow_lead

log = logging.getLogger(__name__)

RECENT_STATES: Final = 64
"""Half of the 128 blocks whose states a node keeps that was not set up to keep more (geth's default)."""
TURNS: Final = 3
"""How often it begins anew where the node forgets the state meanwhile, or a block is dropped."""
BREATHER_SECONDS: Final = 0.05
"""Between two pages of a scheduled run, about as long as a page takes: whoever follows the chain here goes first."""
AGAIN_SECONDS: Final = 60.0
"""After a failure it is not waited for the next turn of the schedule."""
BACKFILL_BLOCKS: Final = 256
"""Whoever was so far behind has fetched pages, in which not every block was asked for twice."""
LOOK_SECONDS: Final = 2.0
"""How often it is looked whether a backfill is over."""
ALARMING_FAILURES: Final = 3
"""A node that does not answer once or twice is an ordinary day; after that nobody checks the mirror any more."""


class Reconciler:
    """Reconciles one chain.

    Args:
        store: the mirror's database.
        node: whose state is asked.
        vouched: whether the host stands for a token; what a stranger's token does is no fault of the mirror.
        clock: wall time (Unix).
        status: of this process' follower; asked where the database takes one process, for there no report is written.
    """

    def __init__(
        self,
        store: Store,
        node: Node,
        chain_id: int,
        escrow: Address,
        vouched: Callable[[Address], bool],
        clock: Callable[[], int],
        status: Callable[[], object] = lambda: None,
    ) -> None:
        self._status = status
        self._store, self._node, self._chain_id, self._escrow = store, node, chain_id, escrow
        self._vouched, self._clock = vouched, clock

    def run(self, progress: Progress = lambda _: None, pause: Callable[[], object] = lambda: None) -> Reconciled:
        """Compare, and write down what came of it for every process to see; `pause` is called between pages.

        Raises:
            NothingMirrored: there is nothing to compare yet.
            StateNotKept: the node keeps no state that would do; the message says what helps.
            Unavailable: the node or the database does not answer.
        """
        for turn in range(TURNS):
            started, epoch = time.monotonic(), self._epoch()
            done = self._compare(progress, pause)
            duration_ms = round((time.monotonic() - started) * 1_000)
            with self._store.transaction() as tx:
                # What a rebuild has mended meanwhile must not be written down after it as if it were still there.
                if not done.differences or turn + 1 == TURNS or _epoch(tx, self._chain_id) == epoch:
                    tx.reconciliations.put(done.record(self._chain_id, self._clock(), duration_ms))
                    return done
        raise AssertionError("unreachable")

    def _epoch(self) -> int:
        with self._store.read() as tx:
            return _epoch(tx, self._chain_id)

    def note_failure(self, error: Exception) -> None:
        """Write down for every process to see why a comparison failed."""
        # Of what is not in our tree only the kind is told: its words were not written for people outside.
        kind = type(error).__name__
        words = public_words(error) if isinstance(error, EarnestError) else f"a fault of ours ({kind}): see the log"
        code = error.code if isinstance(error, EarnestError) else "fault"
        with suppress(EarnestError), self._store.transaction() as tx:
            tx.reconciliations.fail(self._chain_id, self._clock(), code, words)

    def seconds_since_last(self) -> int | None:
        """Return how long ago the last one ended, None if there was none since the mirror was last rebuilt."""
        with self._store.read() as tx:
            last = tx.reconciliations.last(self._chain_id)
        return None if last is None else max(0, self._clock() - last.finished_at)

    def followed(self) -> tuple[int, int] | None:
        """Return the follower's head and how many blocks it is behind, in whatever process; None while unknown."""
        report = self._report()
        head, lag = report.get("head"), report.get("lag_blocks")
        return (head, lag) if isinstance(head, int) and isinstance(lag, int) else None

    def _report(self) -> Mapping[str, Any]:
        if self._store.takes_one_process:
            return plain(self._status()) or {}
        with self._store.read() as tx:
            leader = tx.leads.leader(follow_lead(self._chain_id))
        return (leader.report if leader is not None and leader.is_there else None) or {}

    def compared_at(self) -> int:
        """Return the block at which the mirror was last compared, 0 if it was not since it was last rebuilt."""
        with self._store.read() as tx:
            last = tx.reconciliations.last(self._chain_id)
        return 0 if last is None else last.block.number

    def _compare(self, progress: Progress, pause: Callable[[], object]) -> Reconciled:
        """Ask one endpoint for all of it; the next one only if that does not answer, or keeps no state."""
        first: Unavailable | None = None
        for node in self._nodes():
            try:
                return self._compare_by(node, progress, pause)
            except Unavailable as error:
                first = first or error
        assert first is not None, "there is always an endpoint"
        raise first

    def _nodes(self) -> list[Node]:
        """Return whom to ask, in order: last of all whoever is followed, who would tell the state that fits its lie."""
        node = self._node
        if not isinstance(node, Endpoints):
            return [node]
        candidates = node.candidates()
        followed = self._report().get("endpoint") or candidates[0].name
        return [each.node for each in sorted(candidates, key=lambda each: each.name == followed)]

    def _compare_by(self, node: Node, progress: Progress, pause: Callable[[], object]) -> Reconciled:
        said = ""
        for _ in range(TURNS):
            state = find_state(node, self._escrow, self._blocks())
            try:
                done = Comparison(
                    self._store, self._chain_id, self._escrow, state, self._vouched, pause, progress
                ).run()
                return replace(done, endpoint=node.endpoint)
            except StateGone as gone:
                said = str(gone)
        raise StateNotKept(node.endpoint, "a block for as long as this takes", said)

    def _blocks(self) -> list[BlockRef]:
        """The blocks that would do, the best first: the newest final one, a recent one, the newest."""
        with self._store.read() as tx:
            chain, view = tx.blocks.chain(self._chain_id), tx.blocks.view(self._chain_id)
            accepted = [each.ref for each in tx.blocks.accepted(self._chain_id)]
        if chain is None or view is None:
            raise NothingMirrored(self._chain_id)
        if chain.escrow != self._escrow:
            raise EscrowChanged(self._chain_id, chain.escrow, self._escrow)
        recent = [each for each in accepted if each.number == view.head.number - RECENT_STATES]
        return list(dict.fromkeys([*([chain.final] if chain.final else []), *recent, view.head]))


def _epoch(tx: Transaction, chain_id: int) -> int:
    """Return a number that rises whenever somebody begins to follow the chain, or to rebuild its mirror."""
    leader = tx.leads.leader(follow_lead(chain_id))
    return -1 if leader is None else leader.epoch


class Stopped(Exception):
    """Whoever compares is told to end."""


class Schedule:
    """Reconciles again and again for as long as the service runs, and once when a backfill is over.

    Args:
        reconciler: who compares.
        every_seconds: how long after one the next begins.
        breather_seconds: how long it pauses between two pages.
        look_seconds: how often it looks whether a backfill is over.
    """

    def __init__(
        self,
        reconciler: Reconciler,
        every_seconds: float,
        *,
        breather_seconds: float = BREATHER_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._look_seconds = look_seconds
        self._reconciler, self._every_seconds, self._breather_seconds = reconciler, every_seconds, breather_seconds
        self._failures = 0
        self._backfilling = False
        self._now = False
        """A backfill has just ended: nothing is waited for any more."""
        self._is_owed = False
        """No comparison has succeeded since a backfill ended."""
        self._head: int | None = None

    def run(self, stop: threading.Event) -> None:
        """Run until told to stop; what fails is tried again."""
        while not stop.is_set():
            self._idle(self._turn(stop), stop)

    def _idle(self, seconds: float, stop: threading.Event) -> None:
        """Wait for the next turn, or until a backfill is over."""
        until = time.monotonic() + seconds
        while not self._now and (left := until - time.monotonic()) > 0:
            if stop.wait(min(left, self._look_seconds)):
                return
            self._look()

    def _look(self) -> None:
        with suppress(EarnestError):
            followed = self._reconciler.followed()
            if followed is None:
                return
            head, lag = followed
            if self._head is None:
                self._head = self._reconciler.compared_at()
            if max(lag, head - self._head) > BACKFILL_BLOCKS:
                self._backfilling = True
            self._head = head
            if lag == 0 and self._backfilling:
                self._backfilling, self._now, self._is_owed = False, True, True

    def _turn(self, stop: threading.Event) -> float:
        """Reconcile if it is time; returns how long to wait."""
        try:
            self._now = False
            since = self._reconciler.seconds_since_last()
            if not self._is_owed and since is not None and since < self._every_seconds:
                return self._every_seconds - since
            done = self._reconciler.run(pause=lambda: _breathe(stop, self._breather_seconds))
        except NothingMirrored:
            return min(self._every_seconds, AGAIN_SECONDS)
        except Stopped:
            return 0.0
        except Exception as error:
            self._failures += 1
            self._reconciler.note_failure(error)
            if not isinstance(error, EarnestError):
                raise
            level = logging.WARNING if self._failures < ALARMING_FAILURES else logging.ERROR
            log.log(level, "could not compare the mirror with the contract (%d times): %s", self._failures, error)
            return min(self._every_seconds, AGAIN_SECONDS)
        self._failures, self._is_owed = 0, False
        _report(done)
        return self._every_seconds


def _breathe(stop: threading.Event, seconds: float) -> None:
    if stop.wait(seconds):
        raise Stopped


def _report(done: Reconciled) -> None:
    if not done.differences:
        agrees = "the mirror agrees with the contract as %s tells it: %d payments at block %d"
        log.info(agrees, done.endpoint, done.payments, done.block.number)
        return
    ids = sorted({each.name for each in done.differences if each.what == "payment"})
    log.error(
        "the mirror and the contract as %s tells it differ in %d things at block %d (%s); payments: %s; "
        "see docs/operations.md",
        done.endpoint,
        len(done.differences),
        done.block.number,
        "; ".join(str(each) for each in done.differences[:3]),
        ", ".join(ids) or "none",
    )

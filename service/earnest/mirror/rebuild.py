"""Replays the chain beside the mirror, compares, and puts the replay in its place in one transaction."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from earnest.mirror.compare import Difference, compare_all
from earnest.mirror.errors import (
    EscrowChanged,
    GenesisChanged,
    MirrorMoves,
    NothingMirrored,
    ReplayMissed,
)
from earnest.mirror.goal import Goal, Seen, find_goal, see
from earnest.mirror.herald import Herald
from earnest.mirror.replace import Replaced, Replacement
from earnest.mirror.replay import Progress, Replay, Scratch, Source, Tell
from earnest.mirror.state_hash import state_hash
from earnest.payment.money import Token
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef, Payment
from earnest.settings import FinalityRule
from earnest.store import Store, Transaction

TURNS: Final = 10
"""How often a rebuild goes on where the chain or the mirror moved meanwhile: each turn is a few blocks long."""

CAUGHT_UP_SECONDS: Final = 5.0
"""A replay that took no longer than this has caught up with a mirror that goes on meanwhile: what is still missing of
it takes less."""

Hold = Callable[[Transaction], None]
"""Makes sure, in the transaction that writes, that nobody else follows the chain."""
Alone = Callable[[], AbstractContextManager[Hold]]
"""Keeps everybody else from following the chain for as long as the block lasts."""


@dataclass(frozen=True, slots=True)
class Wording:
    """What notifications are worded with, as the service's own mirror has it."""

    tokens: Callable[[Address], Token | None]
    clock: Callable[[], int]
    checkout_url: Callable[[Payment], str | None]

    def herald(self, tx: Transaction, payments: Iterable[Payment]) -> Herald:
        """Return a herald who knows these payments' merchants."""
        accounts = {each.account for each in payments if each.account is not None}
        return Herald(self.clock(), tx.merchants.many(accounts), self.tokens, self.checkout_url)


@dataclass
class Rebuilt:
    """What came of a rebuild.

    `head` is the block up to which both were compared, None where the chain has none of the mirror's blocks. `before`
    and `chain` are state hashes up to there, of the mirror and of the replay; `after` is the mirror's in the end. The
    last two differ from `chain` only if the mirror was not replaced. `replaced` is None where nothing was written.
    """

    head: BlockRef | None
    final: int
    before: Hash32
    chain: Hash32
    after: Hash32
    differences: int = 0
    left: int = 0
    """Differences that no replay can mend: they lie in what merchants asked for."""
    by_kind: Mapping[str, int] = field(default_factory=dict)
    replaced: Replaced | None = None


class Rebuild:
    """Rebuilds one chain's mirror.

    Args:
        store: the mirror's database.
        source: where the chain is read.
        finality: from when on a block of it is final.
        folder: where the replay's file is kept until it is done.
        wording: what notifications are worded with.
        progress: told how far it is; what it raises ends the rebuild, and leaves the mirror as it was.
    """

    def __init__(
        self,
        store: Store,
        source: Source,
        finality: FinalityRule,
        folder: Path,
        wording: Wording,
        progress: Progress = lambda _: None,
    ) -> None:
        self._store, self._source, self._finality = store, source, finality
        self._wording, self._progress = wording, progress
        self._scratch = Scratch(folder, source)

    def compare(self, tell: Callable[[Difference], None]) -> Rebuilt:
        """Replay and compare; nothing is written, and the mirror may be at work meanwhile."""
        with self._scratch.held():
            with self._compared(tell) as (rebuilt, _, _):
                pass
            self._scratch.remove()
        return rebuilt

    def run(self, tell: Callable[[Difference], None], alone: Alone) -> Rebuilt:
        """Replay while the mirror is at work, then compare and replace what differs while nobody else writes to it.

        Args:
            tell: told each difference.
            alone: entered once the replay has caught up; what it yields is called in the transaction that writes, and
                raises if somebody else follows the chain by then.

        Raises:
            MirrorMoves: somebody else has written to the mirror meanwhile; nothing is replaced.
            Unavailable: the node did not answer for long; run it again, and it goes on where it was.
        """
        with self._scratch.held():
            self._catch_up()
            with alone() as hold, self._compared(tell) as (rebuilt, seen, replay):
                if rebuilt.differences > rebuilt.left:
                    self._replace(rebuilt, seen, replay, hold)
            self._scratch.remove()
        return rebuilt

    def _catch_up(self) -> None:
        """Replay until what is missing is so little that the mirror can wait for it."""
        for _ in range(TURNS):
            started = time.monotonic()
            with self._replayed() as (_, _, replay):
                pass
            if replay is not None and time.monotonic() - started < CAUGHT_UP_SECONDS:
                return

    @contextmanager
    def _compared(self, tell: Callable[[Difference], None]) -> Iterator[tuple[Rebuilt, Seen, Store]]:
        for turn in range(TURNS):
            with self._replayed(is_last=turn + 1 == TURNS) as (seen, goal, replay):
                rebuilt = self._look(seen, goal, replay, tell) if replay is not None else None
                if rebuilt is not None and replay is not None:
                    yield rebuilt, seen, replay
                    return
        raise MirrorMoves("the mirror went on each time that it was to be compared: stop whoever follows the chain")

    @contextmanager
    def _replayed(self, *, is_last: bool = False) -> Iterator[tuple[Seen, Goal, Store | None]]:
        """Replay up to where the mirror is now; yields None where the chain moved away, and begins anew after that."""
        seen = self._see()
        goal = self._goal(seen)

        def fits(store: Store) -> bool:
            return Replay(store, self._source, self._wording.clock).fits(goal)

        with self._scratch.opened(fits) as replay:
            try:
                Replay(replay, self._source, self._wording.clock).run(goal, self._progress)
            except ReplayMissed:
                if is_last:
                    raise
                self._scratch.remove()
                missed = True
            else:
                missed = False
            yield seen, goal, None if missed else replay

    def _see(self) -> Seen:
        with self._store.read() as tx:
            chain = tx.blocks.chain(self._source.chain_id)
            if chain is None:
                raise NothingMirrored(self._source.chain_id)
            if chain.escrow != self._source.escrow:
                raise EscrowChanged(chain.chain_id, chain.escrow, self._source.escrow)
            return see(tx, chain)

    def _goal(self, seen: Seen) -> Goal:
        genesis = self._source.node.header(0)
        assert genesis is not None, "every chain has a first block"
        if genesis.block.hash != seen.chain.genesis_hash:
            raise GenesisChanged(self._source.chain_id, seen.chain.genesis_hash, genesis.block.hash)
        return find_goal(self._store, seen, self._source.node, self._finality, self._source.deployed_at_block)

    def _look(self, seen: Seen, goal: Goal, replay: Store, tell: Callable[[Difference], None]) -> Rebuilt | None:
        """Compare the mirror with its replay; None if it moved on since it was looked at."""
        chain_id, escrow = self._source.chain_id, self._source.escrow
        head = goal.head
        up_to = head.number if head else -1
        with replay.read() as theirs:
            # Before the mirror's own transaction begins: PostgreSQL ends one that says nothing for some seconds.
            by_the_chain = state_hash(theirs, chain_id, escrow, up_to, as_stored=True).digest
        with self._store.read() as mine, replay.read() as theirs:
            chain = mine.blocks.chain(chain_id)
            if chain is None or see(mine, chain) != seen:
                return None
            before = state_hash(mine, chain_id, escrow, up_to, as_stored=True).digest
            last = BlockRef(head.number, head.hash, head.timestamp) if head else None
            rebuilt = Rebuilt(last, goal.final, before, by_the_chain, after=before)
            by_kind: dict[str, int] = {}
            for difference in compare_all(mine, theirs, chain_id, escrow):
                tell(difference)
                rebuilt.differences += 1
                rebuilt.left += not difference.mended
                by_kind[difference.what] = by_kind.get(difference.what, 0) + 1
            rebuilt.by_kind = by_kind
        return rebuilt

    def _replace(self, rebuilt: Rebuilt, seen: Seen, replay: Store, hold: Hold) -> None:
        chain_id, escrow = self._source.chain_id, self._source.escrow
        steps = 0

        def step(doing: str) -> None:
            nonlocal steps
            steps += 1
            self._progress(Tell(f"replacing: {doing}", steps, 0))

        with self._store.transaction() as mine, replay.read() as theirs:
            hold(mine)
            chain = mine.blocks.chain(chain_id, lock=True)
            if chain is None or see(mine, chain) != seen:
                raise MirrorMoves("somebody has written to the mirror since it was compared; nothing was replaced")
            done = Replacement(mine, theirs, chain_id, escrow, self._wording.herald, step).run()
            up_to = rebuilt.head.number if rebuilt.head else -1
            rebuilt.after = state_hash(mine, chain_id, escrow, up_to, as_stored=True).digest
            step("done")
        rebuilt.replaced = done

"""Whether the host's own tools agree: `reconcile` finds nothing, `rebuild` comes to the same bytes and tells nobody.

The judge of the mirror reads the contract by himself. Here the service's own comparison does it, after every story; and
after some of them the mirror is rebuilt, once as it is and once with an event of it altered by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import create_engine, text

from earnest.mirror.compare import Difference
from earnest.mirror.rebuild import Hold, Rebuild, Rebuilt, Wording
from earnest.mirror.reconcile import Reconciler
from earnest.mirror.replay import Source
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.settings import FinalityRule
from earnest.store import Store
from tests.chaos.inprocess.chain import ContractChain
from tests.chaos.inprocess.world import World

_TOLD = """
    SELECT (SELECT count(*) FROM notifications), (SELECT count(*) FROM deliveries),
    (SELECT sum(version) FROM payments)"""
_ALTERED = """
    UPDATE events SET held = :held WHERE NOT orphaned AND seq = 1
    AND payment_id = (SELECT min(payment_id) FROM events WHERE NOT orphaned)"""


@dataclass
class Tools:
    """What a host has at hand, for one chain.

    Args:
        url: the database of `store`, to alter what no code of ours would.
        folder: where replays are kept.
        now: wall time.
    """

    store: Store
    url: str
    world: World
    chain: ContractChain
    finality: FinalityRule
    folder: Path
    now: int

    def reconcile(self) -> Iterator[str]:
        """Yield what `earnest reconcile` finds."""
        vouched = {ZERO_ADDRESS, *(token.address for token in self.world.tokens)}
        chain_id, escrow = self.world.chain_id, self.world.escrow
        reconciler = Reconciler(self.store, self.chain, chain_id, escrow, vouched.__contains__, lambda: self.now)
        for difference in reconciler.run().differences:
            yield f"reconcile: {difference}"

    def rebuild(self) -> Iterator[str]:
        """Rebuild what is right, then what is not, and yield whatever is not as it was."""
        told = self._told()
        done, said = self._rebuilt()
        yield from (f"rebuild of a mirror that is right: {each}" for each in said)
        if len({done.before, done.chain, done.after}) > 1 or done.replaced is not None:
            yield f"rebuild of a mirror that is right: {done}"
        if self._alter():
            mended, said = self._rebuilt()
            if not said or mended.before == done.before or {mended.chain, mended.after} != {done.after}:
                yield f"rebuild of a mirror with an event altered by hand: {mended}, {said}"
        if self._told() != told:
            yield f"a rebuild told {self._told()} (notifications, deliveries, versions), and {told} were told before"

    def _rebuilt(self) -> tuple[Rebuilt, list[str]]:
        source = Source(self.chain, self.world.chain_id, self.world.escrow, 0)
        wording = Wording(self.world.network(self.finality).token_at, lambda: self.now, lambda _: None)
        said: list[Difference] = []
        done = Rebuild(self.store, source, self.finality, self.folder, wording).run(said.append, _nobody_else)
        return done, [str(each) for each in said]

    def _alter(self) -> bool:
        with closing(_Hand(self.url)) as hand:
            return hand.alter()

    def _told(self) -> tuple[int, ...]:
        with closing(_Hand(self.url)) as hand:
            return hand.told()


class _Hand:
    """Somebody who has the database to himself."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)

    def told(self) -> tuple[int, ...]:
        with self._engine.connect() as connection:
            return tuple(int(each or 0) for each in connection.execute(text(_TOLD)).one())

    def alter(self) -> bool:
        """Alter one event, if there is any."""
        with self._engine.begin() as connection:
            held = 12_345 if self._engine.dialect.name == "postgresql" else "12345"
            return connection.execute(text(_ALTERED), {"held": held}).rowcount > 0

    def close(self) -> None:
        self._engine.dispose()


def _nobody_else() -> AbstractContextManager[Hold]:
    return nullcontext(lambda _: None)

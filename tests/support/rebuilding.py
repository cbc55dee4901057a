"""A mirror that a real follower filled from a made-up node, and everything that a rebuild of it needs."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, text

from earnest.chain.follower import Follower
from earnest.mirror import ChainMirror
from earnest.mirror.compare import Difference
from earnest.mirror.rebuild import Hold, Rebuild, Rebuilt, Wording
from earnest.mirror.replay import Progress, Source
from earnest.mirror.state_hash import state_hash
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.payment.transitions import PaymentState, fold
from earnest.settings import FinalityRule
from earnest.store import Store
from earnest.testing.fake_node import FakeNode
from tests.support.ledger import CHAIN_ID, ESCROW, TOKEN, event_of
from tests.support.stores import NOW, USD

FINALITY = FinalityRule(tag="finalized")
FIRST = 1
"""The block in which the escrow was deployed."""


def _nobody_else() -> AbstractContextManager[Hold]:
    return nullcontext(lambda _: None)


@dataclass
class Site:
    """A node, a mirror of it, and a folder for replays."""

    store: Store
    folder: Path
    node: FakeNode = field(default_factory=lambda: FakeNode(ESCROW))

    def follow(self) -> None:
        """Let the follower tell all that there is."""
        follower = self.follower()
        while follower.step():
            pass

    def follower(self) -> Follower:
        return Follower(
            self.node, self.mirror(), chain_id=CHAIN_ID, escrow=ESCROW, deployed_at_block=FIRST, finality=FINALITY
        )

    def mirror(self) -> ChainMirror:
        return ChainMirror(self.store, CHAIN_ID, ESCROW, tokens={TOKEN: USD}.get, clock=lambda: NOW)

    def state(self, payment: Payment) -> PaymentState:
        return fold(
            (event, each.block.timestamp)
            for each in self.node.blocks
            for event in each.events
            if isinstance(event, PaymentEvent) and event.payment_id == payment.id
        )

    def next(self, payment: Payment, kind: EventKind, status: Status | None = None) -> PaymentEvent:
        """Return the payment's next event as the chain stands."""
        return event_of(payment, self.state(payment), kind, status)

    def happen(self, payment: Payment, *kinds: EventKind) -> None:
        """Let a payment's next events be mined, a block each."""
        for kind in kinds:
            self.node.mine(self.next(payment, kind))

    def rebuild(self, progress: Progress = lambda _: None) -> Rebuild:
        source = Source(self.node, CHAIN_ID, ESCROW, FIRST)
        wording = Wording({TOKEN: USD}.get, lambda: NOW, lambda _: None)
        return Rebuild(self.store, source, FINALITY, self.folder, wording, progress)

    def compared(self) -> tuple[Rebuilt, list[str]]:
        said: list[Difference] = []
        return self.rebuild().compare(said.append), [str(each) for each in said]

    def rebuilt(self, progress: Progress = lambda _: None) -> tuple[Rebuilt, list[str]]:
        said: list[Difference] = []
        return self.rebuild(progress).run(said.append, _nobody_else), [str(each) for each in said]

    def hash(self, up_to: int | None = None) -> Hash32:
        """The state hash of what is stored, up to the head if no block is named."""
        with self.store.read() as tx:
            view = tx.blocks.view(CHAIN_ID)
            assert view is not None
            at = view.head.number if up_to is None else up_to
            return state_hash(tx, CHAIN_ID, ESCROW, at, as_stored=up_to is None).digest


def by_hand(store: Store, *statements: str, **values: Any) -> None:
    """Change rows as a person with a database client would: no rule of ours is asked, no reference is checked."""
    engine = create_engine(store._url)  # a client of its own, as that person's is
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(text(statement), values)
    finally:
        engine.dispose()


Check = Callable[[Site], None]

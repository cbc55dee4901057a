"""Earnest as a service runs it: the follower, the client, the checks, the mirror and the store, nothing left out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from earnest.chain.background import in_a_thread
from earnest.chain.follower import Follower
from earnest.chain.rpc import Rpc
from earnest.mirror import ChainMirror
from earnest.payment.money import Token
from earnest.payment.record import Payment
from earnest.payment.terms import Terms, payment_id
from earnest.payment.transitions import NOTHING_YET
from earnest.settings import FinalityRule
from earnest.store import Store, open_store
from earnest.store.records import Endpoint, Merchant
from earnest.wiring.garbage import look_rarely
from tests.benchmarks.backfill.story import Recording, Story
from tests.benchmarks.backfill.watch import Watch

NOW = 1_800_000_000
ACCOUNT = "mer_1"


def backfill(recording: Recording, url: str, database: str, *, own: bool) -> Watch:
    """Follow the replayed chain to its head into an empty database; with `own`, a merchant asked for his payments."""
    story = recording.story
    with closing(open_store(database)) as store, closing(Rpc(url)) as rpc:
        store.upgrade()
        if own:
            _create(store, story, recording.own())
        token = Token(story.token, "USD", 6)
        mirror = ChainMirror(
            store,
            story.chain_id,
            story.escrow,
            tokens=lambda address: token if address == token.address else None,
            clock=lambda: NOW,
            checkout_url=lambda payment: f"https://shop.test/pay/{payment.id}",
        )
        follower = Follower(
            rpc,
            mirror,
            chain_id=story.chain_id,
            escrow=story.escrow,
            deployed_at_block=0,
            finality=FinalityRule(tag="finalized"),
            ahead=in_a_thread,
        )
        look_rarely()
        with Watch() as watch:
            while follower.step():
                pass
        return watch


def _create(store: Store, story: Story, every: Sequence[Terms]) -> None:
    """Write down what a merchant asked for, long before the chain is followed; his endpoint wants to hear all of it."""
    first = every[0]
    merchant = Merchant(
        id=ACCOUNT,
        name="A shop",
        payout=first.merchant,
        operator=first.operator,
        arbiter=first.arbiter,
        fee_recipient=first.fee_recipient,
        fee_bps=first.fee_bps,
        delivery_period=first.delivery_period,
        dispute_window=first.dispute_window,
        arbitration_period=first.arbitration_period,
        payment_window=86_400,
        safe_depth_blocks=2,
        created_at=1,
    )
    with store.transaction() as tx:
        tx.merchants.add(merchant)
        tx.endpoints.add(Endpoint("we_1", ACCOUNT, "https://shop.test", frozenset(), b"", 1))
        for payment in _payments(story, every):
            tx.payments.add(payment)


def _payments(story: Story, every: Sequence[Terms]) -> list[Payment]:
    return [
        Payment(
            payment_id(terms, story.chain_id, story.escrow),
            *(story.chain_id, story.escrow, terms, NOTHING_YET, 0, ACCOUNT, f"order-{number}", bytes(16), 1),
        )
        for number, terms in enumerate(every)
    ]

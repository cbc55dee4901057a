"""A store with a given number of payments, and a chain that goes on from there."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from sqlalchemy import create_engine, text

from earnest.chain.updates import ChainUpdate
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef, Payment
from earnest.payment.status import Status
from earnest.payment.terms import DAY
from earnest.payment.transitions import fold
from earnest.store import Store, open_store
from earnest.store.records import Endpoint, Notification, StoredEvent
from tests.benchmarks.progress import Progress
from tests.support.ledger import CHAIN_ID, MERCHANT, START, FakeChain, address, event_of, make_payment
from tests.support.stores import make_mirror

EVENTS_A_BLOCK: Final = 20
OWN: Final = 10
"""One payment of so many is the merchant's own."""
LIFE: Final = (EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED)
ENDPOINT: Final = "we_1"
STUCK: Final = 30
"""Deliveries of the filling that are still pending, and as many that are dead."""
CHUNK: Final = 10_000
_WAITING: Final = 3_600
"""Of the first so many, what nobody paid can still be paid: a page of them, in the small store too."""
_DELIVERED: Final = f"""
    UPDATE deliveries SET attempts = 1, state = CASE
        WHEN notification_id IN (SELECT id FROM notifications ORDER BY position DESC LIMIT {STUCK}) THEN 'pending'
        WHEN notification_id IN (SELECT id FROM notifications ORDER BY position LIMIT {STUCK}) THEN 'dead'
        ELSE 'delivered' END"""
_ATTEMPTED: Final = """
    INSERT INTO attempts (notification_id, endpoint_id, number, at, status_code, duration_ms)
    SELECT notification_id, endpoint_id, 1, next_attempt_at, 200, 20 FROM deliveries"""


class Filled:
    """A store with so many payments, most of them released, a tenth a merchant's own, and what he was told of them."""

    def __init__(self, url: str, payments: int) -> None:
        self.store: Store = open_store(url)
        self.store.upgrade()
        self.chain, self.mirror = FakeChain(), make_mirror(self.store)
        self.random = random.Random(payments)
        self.payments = payments
        with self.store.transaction() as tx:
            tx.merchants.add(MERCHANT)
            tx.endpoints.add(Endpoint(ENDPOINT, MERCHANT.id, "https://shop.test", frozenset(), b"", START))
        self.mirror.take([self.chain.mine(), self.chain.finalize()])
        self.alive: list[Payment] = []
        told = Progress("filling, payments")
        for start in range(0, payments, CHUNK):
            self._fill(range(start, min(start + CHUNK, payments)))
            told(min(start + CHUNK, payments), payments)
        told.end()
        for _ in range(4):  # in these is told what has expired, of so many at once
            self.block()
        _settle(url)

    def _fill(self, numbers: range) -> None:
        block = self.chain.blocks[0].block
        ref = BlockRef(block.number, block.hash, block.timestamp)
        rows: list[Payment] = []
        events: list[StoredEvent] = []
        notes: list[Notification] = []
        for number in numbers:
            payment = made(number)
            told = list(events_of(payment, number % 3 + (number % 20 > 3)))
            state = fold((event, block.timestamp) for event in told)
            rows.append(replace(payment, state=state, block=ref if told else None, version=len(told)))
            events += [
                StoredEvent(CHAIN_ID, ref, _tx(payment.id, event), number * 4 + event.seq, event) for event in told
            ]
            if not payment.is_foreign:
                notes += [_note(payment, event, number) for event in told]
            if state.status is Status.FUNDED and self.random.random() < 6_000 / self.payments:
                self.alive.append(rows[-1])
        with self.store.transaction() as tx:
            tx.payments.save(rows)
            tx.events.add(CHAIN_ID, events, block.number)
            tx.outbox.add(notes)

    def block(self) -> float:
        """Believe a block of new fundings and of payments that go on; returns the seconds that it took."""
        first = self.payments + self.random.randrange(10**9) * OWN
        new = [made(first + number) for number in range(EVENTS_A_BLOCK // 2)]
        with self.store.transaction() as tx:
            tx.payments.add(new[0])
        old = [self.alive.pop(self.random.randrange(len(self.alive))) for _ in range(EVENTS_A_BLOCK - len(new))]
        events = [next(events_of(each, 1)) for each in new]
        events += [event_of(each, each.state, EventKind.DELIVERY_CONFIRMED) for each in old]
        accepted = self.chain.mine(*events)
        updates: list[ChainUpdate] = (
            [accepted, self.chain.finalize(depth=2)] if len(self.chain.blocks) > 3 else [accepted]
        )
        began = time.perf_counter()
        self.mirror.take(updates)
        return time.perf_counter() - began


def made(number: int) -> Payment:
    """Return the payment with this number: one of `OWN` is the merchant's own, each hundred share a buyer.

    Of those that nobody paid, all but some are past their time.
    """
    own, pay_by = number % OWN == 0, START + (DAY if number % 1_000 == 0 or number < _WAITING else -DAY)
    account, buyer = MERCHANT.id if own else None, address(10**6 + number // 100)
    payment = make_payment(number, account=account, buyer=buyer, pay_by=pay_by)
    return replace(payment, created_at=START + number) if own else payment


def events_of(payment: Payment, count: int) -> Iterator[PaymentEvent]:
    """Give a payment's first events."""
    states: list[tuple[PaymentEvent, int]] = []
    for kind in LIFE[:count]:
        states.append((event_of(payment, fold(states), kind), START))
        yield states[-1][0]


def note_id(number: int, seq: int) -> str:
    """Return the id of what the merchant was told of an event of his payment with this number."""
    return f"evt_{number:09}_{seq}"


def _note(payment: Payment, event: PaymentEvent, number: int) -> Notification:
    id_, at = note_id(number, event.seq), START + number
    payload = {"id": id_, "type": str(event.kind), "data": {"id": payment.id, "terms": payment.terms.order_hash * 5}}
    return Notification(id_, MERCHANT.id, CHAIN_ID, payment.id, event.seq, str(event.kind), payload, at)


def _tx(payment_id: Hash32, event: PaymentEvent) -> Hash32:
    return Hash32(f"{payment_id[:-2]}{event.seq:02x}")


def _settle(url: str) -> None:
    """Let what the merchant was told be delivered, and PostgreSQL know its tables, as it does after a while."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        for statement in (_DELIVERED, _ATTEMPTED):
            connection.execute(text(statement))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()

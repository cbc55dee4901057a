"""How many events a second the mirror believes: batches of 2,000 on an SQLite file and on PostgreSQL.

Run as a program from the repository's root: `.venv/bin/python -m tests.benchmarks.mirror_take`. Every payment lives
through four events (funded, delivered, half released, released); the first figure of each database is for foreign
payments, the second for a merchant's own, with a notification for each event and for each status that became final.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from earnest.chain.updates import ChainUpdate
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.payment.transitions import NOTHING_YET, apply
from earnest.store import open_store
from earnest.store.records import Endpoint
from tests.support.ledger import MERCHANT, START, FakeChain, event_of, make_payment
from tests.support.postgres import find_binaries, running_server
from tests.support.stores import make_mirror

EVENTS = 10_000
BATCH = 2_000
EVENTS_PER_BLOCK = 20
LIFE = (
    (EventKind.PAYMENT_FUNDED, None),
    (EventKind.DELIVERY_CONFIRMED, None),
    (EventKind.PAYMENT_RELEASED, Status.DELIVERED),
    (EventKind.PAYMENT_RELEASED, None),
)


def lives(payments: list[Payment]) -> Iterator[PaymentEvent]:
    """Return the events of all payments, those of 500 at a time interleaved."""
    for start in range(0, len(payments), BATCH // len(LIFE)):
        some = payments[start : start + BATCH // len(LIFE)]
        states = {payment.id: NOTHING_YET for payment in some}
        for kind, status in LIFE:
            for payment in some:
                event = event_of(payment, states[payment.id], kind, status)
                states[payment.id] = apply(states[payment.id], event, START)
                yield event


def measure(url: str, *, own: bool) -> str:
    """Return the measured line for one database."""
    payments = [make_payment(number, account=MERCHANT.id if own else None) for number in range(EVENTS // len(LIFE))]
    with closing(open_store(url)) as store:
        store.upgrade()
        with store.transaction() as tx:
            tx.merchants.add(MERCHANT)
            if own:
                tx.endpoints.add(Endpoint("we_1", MERCHANT.id, "https://shop.test", frozenset(), b"", START))
                for payment in payments:
                    tx.payments.add(payment)
        mirror, chain, events = make_mirror(store), FakeChain(), list(lives(payments))
        batches: list[list[ChainUpdate]] = []
        for start in range(0, EVENTS, BATCH):
            blocks = range(start, start + BATCH, EVENTS_PER_BLOCK)
            batches.append([chain.mine(*events[first : first + EVENTS_PER_BLOCK]) for first in blocks])
            batches[-1].append(chain.finalize())
        wall, cpu = time.perf_counter(), time.process_time()
        for batch in batches:
            mirror.take(batch)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    name, kind = url.split(":", maxsplit=1)[0], "own" if own else "foreign"
    return f"{name:22} {kind:8} {EVENTS / wall:8,.0f} events/s {EVENTS / cpu:8,.0f} events per CPU second"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for own in (False, True):
            print(measure(f"sqlite:///{Path(folder) / f'{own}.db'}", own=own))
    binaries = find_binaries()
    if binaries is None:
        print("no PostgreSQL found")
        return
    with running_server(binaries) as server:
        for own in (False, True):
            print(measure(server.url(server.create_database()), own=own))


if __name__ == "__main__":
    main()

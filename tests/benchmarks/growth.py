"""What one more block and one more question cost as payments pile up: `python -m tests.benchmarks.growth`.

Two stores, a small and a large one, are filled with payments of which a tenth are a merchant's own. Then blocks of 20
events are believed in turn by the one and the other, and the API's questions are asked of each: what the quickest tenth
took at most, and how many times the small one's the large one's is.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef, Payment
from earnest.payment.status import Finality, Status
from earnest.payment.transitions import fold
from earnest.store import Store, open_store
from earnest.store.records import PaymentFilter, StoredEvent
from tests.support.ledger import BUYER, CHAIN_ID, MERCHANT, START, TOKEN, FakeChain, address, event_of, make_payment
from tests.support.postgres import find_binaries, running_server
from tests.support.stores import make_mirror

SMALL, LARGE, LARGE_OF_CHECK = 10_000, 1_000_000, 100_000
MOST_TIMES = 1.3
EVENTS_A_BLOCK, TURNS = 20, 60
OWN = 10
"""One payment of so many is the merchant's own."""
LIFE = (EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED)
CHUNK = 10_000
Question = Callable[[Store], object]


class Filled:
    """A store with so many payments, most of them released, and a chain that goes on."""

    def __init__(self, store: Store, payments: int) -> None:
        self.store, self.chain, self.mirror = store, FakeChain(), make_mirror(store)
        self.random = random.Random(payments)
        self.payments = payments
        store_merchant(store)
        self.mirror.take([self.chain.mine(), self.chain.finalize()])
        self.alive: list[Payment] = []
        for start in range(0, payments, CHUNK):
            self._fill(range(start, min(start + CHUNK, payments)))
            print(f"\r{payments:,} payments: {start + CHUNK:,}", end="", flush=True, file=sys.stderr)

    def _fill(self, numbers: range) -> None:
        block = self.chain.blocks[0].block
        ref = BlockRef(block.number, block.hash, block.timestamp)
        rows, events = [], []
        for number in numbers:
            payment = made(number)
            told = list(events_of(payment, number % 3 + (number % 20 > 3)))
            state = fold((event, block.timestamp) for event in told)
            rows.append(replace(payment, state=state, block=ref if told else None, version=len(told)))
            events += [
                StoredEvent(CHAIN_ID, ref, _tx(payment.id, event), number * 4 + event.seq, event) for event in told
            ]
            if state.status is Status.FUNDED and payment.is_foreign and self.random.random() < 3_000 / self.payments:
                self.alive.append(rows[-1])
        with self.store.transaction() as tx:
            tx.payments.save(rows)
            tx.events.add(CHAIN_ID, events, block.number)

    def block(self) -> float:
        """Believe a block of new fundings and of payments that go on; returns the seconds that it took."""
        new = [made(self.payments + self.random.randrange(10**9) * OWN + 1) for _ in range(EVENTS_A_BLOCK // 2)]
        old = [self.alive.pop(self.random.randrange(len(self.alive))) for _ in range(EVENTS_A_BLOCK - len(new))]
        events = [next(events_of(each, 1)) for each in new]
        events += [event_of(each, each.state, EventKind.DELIVERY_CONFIRMED) for each in old]
        accepted = self.chain.mine(*events)
        began = time.perf_counter()
        self.mirror.take([accepted, self.chain.finalize(depth=2)] if len(self.chain.blocks) > 3 else [accepted])
        return time.perf_counter() - began


def store_merchant(store: Store) -> None:
    with store.transaction() as tx:
        tx.merchants.add(MERCHANT)


def made(number: int) -> Payment:
    """Return the payment with this number: one of `OWN` is the merchant's own, each ten share a buyer."""
    own = number % OWN == 0
    payment = make_payment(number, account=MERCHANT.id if own else None, buyer=address(10**6 + number // 100))
    return replace(payment, created_at=START + number) if own else payment


def events_of(payment: Payment, count: int) -> Iterator[PaymentEvent]:
    states: list[tuple[PaymentEvent, int]] = []
    for kind in LIFE[:count]:
        states.append((event_of(payment, fold(states), kind), START))
        yield states[-1][0]


def questions(filled: Filled) -> dict[str, Question]:
    """Return what the API asks of a store: each filter of a list by itself, and one payment in all its parts."""
    own = made(filled.payments // 2 // OWN * OWN)
    depth, middle = {"safe_depth_blocks": 2}, START + filled.payments // 2

    def listed(**where: object) -> Question:
        wanted = PaymentFilter(**where)  # type: ignore[arg-type]
        return lambda store: _read(store, lambda tx: tx.payments.page(MERCHANT.id, wanted, limit=100))

    found: dict[str, Question] = {
        "list": listed(),
        **{f"list, {status}": listed(statuses=frozenset({status})) for status in Status},
        "list, three statuses": listed(statuses=frozenset({Status.DISPUTED, Status.FUNDED, Status.CREATED})),
        **{f"list, {finality}": listed(finalities=frozenset({finality}), **depth) for finality in Finality},
        "list, order reference": listed(order_reference=own.order_reference),
        "list, buyer": listed(buyer=own.terms.buyer),
        "list, buyer without any": listed(buyer=BUYER),
        "list, token": listed(token=TOKEN),
        "list, token without any": listed(token=BUYER),
        "list, time": listed(created_from=middle, created_until=middle + 500),
        "list, second page": _second_page,
        "payment": lambda store: _read(store, lambda tx: tx.payments.find(MERCHANT.id, own.id)),
        "payment, public": lambda store: _read(store, lambda tx: tx.payments.public(own.id)),
        "timeline": lambda store: _read(store, lambda tx: tx.events.timeline(CHAIN_ID, own.id)),
        "events": lambda store: _read(store, lambda tx: tx.outbox.page(MERCHANT.id, limit=100).items),
    }
    return found


def _read(store: Store, ask: Callable[..., object]) -> object:
    with store.read() as tx:
        return ask(tx)


def _second_page(store: Store) -> object:
    with store.read() as tx:
        first = tx.payments.page(MERCHANT.id, PaymentFilter(), limit=2)
        return tx.payments.page(MERCHANT.id, PaymentFilter(), limit=100, cursor=first.next_cursor)


def compare(name: str, small: Filled, large: Filled, turns: int) -> list[tuple[str, float, float]]:
    """Return what was measured of both, in turn, in milliseconds: the machine's noise then meets both alike."""
    rows = [_both(f"{name}: a block of {EVENTS_A_BLOCK} events", small.block, large.block, turns)]
    asked = [questions(small), questions(large)]
    for what in asked[0]:
        few, many = (_timed(which[what], filled.store) for which, filled in zip(asked, (small, large), strict=True))
        rows.append(_both(f"{name}: {what}", few, many, turns))
    return rows


def _both(what: str, small: Callable[[], float], large: Callable[[], float], turns: int) -> tuple[str, float, float]:
    """Return the quickest of ten, for either: whatever else the machine does only ever adds."""
    took = [(small() * 1_000, large() * 1_000) for _ in range(turns)]
    few, many = (sorted(each[at] for each in took)[turns // 10] for at in (0, 1))
    return what, few, many


def _timed(ask: Question, store: Store) -> Callable[[], float]:
    def once() -> float:
        began = time.perf_counter()
        ask(store)
        return time.perf_counter() - began

    return once


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=SMALL)
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--turns", type=int, default=TURNS, help=f"how often each is measured (default: {TURNS})")
    parser.add_argument("--check", action="store_true", help=f"with {LARGE_OF_CHECK:,} payments; fails where it grows")
    arguments = parser.parse_args()
    large = LARGE_OF_CHECK if arguments.check else arguments.large
    rows: list[tuple[str, float, float]] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="earnest-growth-")))
        binaries = find_binaries()
        server = stack.enter_context(running_server(binaries)) if binaries else None
        for name in ("sqlite", *(["postgresql"] if server else [])):
            filled = []
            for payments in (arguments.small, large):
                url = f"sqlite:///{folder / f'{payments}.db'}" if name == "sqlite" or server is None else ""
                url = url or server.url(server.create_database())  # type: ignore[union-attr]
                store = stack.enter_context(closing(open_store(url)))
                store.upgrade()
                filled.append(Filled(store, payments))
            rows += compare(name, filled[0], filled[1], arguments.turns)
    print(f"\n{'':44} {arguments.small:>9,} {large:>9,} payments: ms; times")
    grown = []
    for what, few, many in rows:
        print(f"{what:44} {few:9.2f} {many:9.2f} {many / few:6.2f}")
        grown += [what] if many > MOST_TIMES * few else []
    print("\n".join(f"more than {MOST_TIMES} times: {what}" for what in grown))
    return 1 if arguments.check and grown else 0


def _tx(payment_id: Hash32, event: PaymentEvent) -> Hash32:
    return Hash32(f"{payment_id[:-2]}{event.seq:02x}")


if __name__ == "__main__":
    raise SystemExit(main())

"""A store with today's schema on each of the databases, and a mirror on top of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from earnest.mirror import ChainMirror
from earnest.payment.money import Token
from earnest.payment.record import Payment
from earnest.store import Store, open_store
from earnest.store.records import Notification
from tests.support.ledger import CHAIN_ID, ESCROW, GENESIS, MERCHANT, START, TOKEN

NOW = START + 100
USD = Token(TOKEN, "USDX", 6)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A store with today's schema and one merchant; the test runs on SQLite and on PostgreSQL."""
    yield from opened(database_url)


@pytest.fixture
def memory_store() -> Iterator[Store]:
    """A store in memory with today's schema and one merchant."""
    yield from opened("sqlite://")


Opener = Callable[[str], Store]


@pytest.fixture
def opening() -> Iterator[Opener]:
    """Opens stores that are closed when the test is over."""
    with ExitStack() as stores:

        def open_it(url: str) -> Store:
            return stores.enter_context(closing(open_store(url)))

        yield open_it


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of an SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'earnest.db'}"


def opened(url: str) -> Iterator[Store]:
    opened_store = open_store(url)
    opened_store.upgrade()
    with opened_store.transaction() as tx:
        tx.merchants.add(MERCHANT)
    yield opened_store
    opened_store.close()


def make_mirror(store: Store) -> ChainMirror:
    """Return a mirror that follows the made-up chain from its genesis on."""
    mirror = ChainMirror(
        store,
        CHAIN_ID,
        ESCROW,
        tokens={TOKEN: USD}.get,
        clock=lambda: NOW,
        checkout_url=lambda payment: f"http://127.0.0.1/pay/{payment.id}",
    )
    mirror.begin(GENESIS)
    return mirror


def create(store: Store, payment: Payment) -> Payment:
    with store.transaction() as tx:
        tx.payments.add(payment)
    return payment


def stored(store: Store, payment: Payment) -> Payment:
    with store.read() as tx:
        found = tx.payments.get(CHAIN_ID, payment.id)
    assert found is not None
    return found


def told(store: Store, payment: Payment | None = None) -> list[Notification]:
    """Every notification, oldest first."""
    with store.read() as tx:
        page = tx.outbox.page(MERCHANT.id, limit=100, payment_id=payment.id if payment else None)
    assert not page.has_more
    return list(reversed(page.items))


def types(notifications: Sequence[Notification]) -> list[str]:
    return [each.type.removeprefix("payment.") for each in notifications]

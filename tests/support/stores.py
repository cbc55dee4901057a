"""A store with today's schema on each of the databases, and a mirror on top of it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import cast

import pytest

from earnest.mirror import ChainMirror
from earnest.payment.money import Token
from earnest.payment.record import Payment
from earnest.store import Store, open_store
from earnest.store.records import Notification
from tests.support.ledger import CHAIN_ID, ESCROW, GENESIS, MERCHANT, START, TOKEN
from tests.support.postgres import PostgresServer

NOW = START + 100
USD = Token(TOKEN, "USDX", 6)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with today's schema and one merchant, to be copied: migrating takes half a second."""
    path = tmp_path_factory.mktemp("template") / "earnest.db"
    _prepare(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[str]:
    """The name of a PostgreSQL database with today's schema and one merchant, to be copied."""
    name = postgres_server.create_database()
    _prepare(postgres_server.url(name))
    yield name
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store with today's schema and one merchant; the test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "earnest.db")
        with closing(open_store(f"sqlite:///{path}")) as on_sqlite:
            yield on_sqlite
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = server.create_database(request.getfixturevalue("postgres_template"))
    with closing(open_store(server.url(name))) as on_postgresql:
        yield on_postgresql
    server.drop_database(name)


@pytest.fixture
def memory_store(sqlite_template: Path) -> Iterator[Store]:
    """A store in memory with today's schema and one merchant."""
    with closing(sqlite3.connect(sqlite_template)) as template, closing(open_store("sqlite://")) as in_memory:
        # It has one connection for all, from the first who asks to the end.
        with closing(in_memory._engine.raw_connection()) as only:
            template.backup(cast(sqlite3.Connection, only.driver_connection))
        yield in_memory


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


def _prepare(url: str) -> None:
    with closing(open_store(url)) as prepared:
        prepared.upgrade()
        with prepared.transaction() as tx:
            tx.merchants.add(MERCHANT)


def make_mirror(store: Store, announce: Callable[[], object] = lambda: None) -> ChainMirror:
    """Return a mirror that follows the made-up chain from its genesis on."""
    mirror = ChainMirror(
        store,
        CHAIN_ID,
        ESCROW,
        tokens={TOKEN: USD}.get,
        clock=lambda: NOW,
        checkout_url=lambda payment: f"http://127.0.0.1/pay/{payment.id}",
        announce=announce,
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

"""Whatever a driver says is an error of ours, with a sentence that a person can act on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, event, exc, make_url, text

from earnest.payment.errors import EarnestError, Misconfigured, Unavailable
from earnest.store.driver_errors import driver_errors_mapped, translate
from earnest.store.errors import (
    BadDatabaseUrl,
    DatabaseBusy,
    DatabaseFull,
    DatabaseMissing,
    DatabaseReadOnly,
    DatabaseUnavailable,
    NotADatabase,
    SchemaNotThere,
    StoreFailure,
)
from tests.support.stores import Opener


@pytest.mark.parametrize(
    "url", ["", "nonsense", "mysql://localhost/x", "sqlite+aiosqlite:///x.db", "postgresql+asyncpg://x/y"]
)
def test_a_url_of_something_else_is_refused(url: str, opening: Opener) -> None:
    with pytest.raises(BadDatabaseUrl) as refusal:
        opening(url)
    assert "sqlite:///" in str(refusal.value)


def test_a_bad_url_does_not_show_its_password(opening: Opener) -> None:
    with pytest.raises(BadDatabaseUrl) as refusal:
        opening("mysql://user:hunter2@localhost/x")
    assert "hunter2" not in str(refusal.value)


def test_a_missing_folder(tmp_path: Path, opening: Opener) -> None:
    store = opening(f"sqlite:///{tmp_path / 'nowhere' / 'earnest.db'}")
    with pytest.raises(DatabaseMissing, match="folder must exist") as refusal:
        store.check()
    assert isinstance(refusal.value, Misconfigured)
    with pytest.raises(DatabaseMissing), store.lock("serve"):
        pass


def test_a_folder_in_the_file_s_place(tmp_path: Path, opening: Opener) -> None:
    with pytest.raises(DatabaseMissing):
        opening(f"sqlite:///{tmp_path}").check()


def test_a_file_that_is_no_database(tmp_path: Path, opening: Opener) -> None:
    file = tmp_path / "earnest.db"
    file.write_text("Dear diary, " * 1_000)
    store = opening(f"sqlite:///{file}")
    with pytest.raises(NotADatabase, match="restore a backup"):
        store.check()
    with pytest.raises(NotADatabase):
        store.upgrade()


def test_a_read_only_file(sqlite_url: str, opening: Opener) -> None:
    writable = opening(sqlite_url)
    writable.upgrade()
    path = make_url(sqlite_url).database
    store = opening(f"sqlite:///file:{path}?mode=ro&uri=true")
    with pytest.raises(DatabaseReadOnly, match="permissions") as refusal:
        store.check()
    assert isinstance(refusal.value, Misconfigured)


def test_a_file_that_another_process_holds(sqlite_url: str, opening: Opener) -> None:
    store = opening(sqlite_url + "?timeout=0.05")
    store.upgrade()
    other = sqlite3.connect(make_url(sqlite_url).database or "", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseBusy) as refusal, store.transaction():
        pass
    assert isinstance(refusal.value, Unavailable)
    other.close()
    with store.transaction():
        pass


def test_a_full_disk(sqlite_url: str) -> None:
    """SQLite's own limit on pages makes the same error as a disk without room."""
    engine = create_engine(sqlite_url)

    @event.listens_for(engine, "connect")
    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 3")

    with pytest.raises(DatabaseFull) as refusal, driver_errors_mapped("it"), engine.begin() as connection:
        connection.execute(text("CREATE TABLE filler (content BLOB)"))
        connection.execute(text("INSERT INTO filler VALUES (zeroblob(100000))"))
    assert refusal.value.retryable
    engine.dispose()


def test_a_server_that_is_not_there(opening: Opener) -> None:
    store = opening("postgresql+psycopg://earnest:hunter2@127.0.0.1:1/earnest")
    with pytest.raises(DatabaseUnavailable, match="does not answer") as refusal:
        store.check()
    assert refusal.value.retryable
    assert "hunter2" not in str(refusal.value)
    with pytest.raises(DatabaseUnavailable), store.lock("serve"):
        pass


def test_a_socket_that_is_not_there(tmp_path: Path, opening: Opener) -> None:
    with pytest.raises(DatabaseUnavailable):
        opening(f"postgresql+psycopg://earnest@/earnest?host={tmp_path}").check()


def test_a_database_that_the_server_does_not_have(postgres_url: str, opening: Opener) -> None:
    other = make_url(postgres_url).set(database="not_there").render_as_string(hide_password=False)
    with pytest.raises(DatabaseMissing, match="create it"):
        opening(other).check()


def test_a_user_that_the_server_does_not_know(postgres_url: str, opening: Opener) -> None:
    other = make_url(postgres_url).set(username="nobody_here").render_as_string(hide_password=False)
    with pytest.raises(DatabaseMissing, match="login"):
        opening(other).check()


def test_a_server_set_to_read_only(postgres_url: str, opening: Opener) -> None:
    opening(postgres_url).upgrade()
    parted = make_url(postgres_url)
    read_only = parted.update_query_dict({"options": "-c default_transaction_read_only=on"})
    store = opening(read_only.render_as_string(hide_password=False))
    with pytest.raises(DatabaseReadOnly, match="standby"):
        store.check()
    with pytest.raises(DatabaseReadOnly), store.transaction() as tx:
        tx.blocks.begin(1, parted.database, "0x")  # type: ignore[arg-type]


def test_a_server_that_drops_us_is_asked_again(postgres_url: str, opening: Opener) -> None:
    store = opening(postgres_url)
    store.upgrade()
    with (
        psycopg.connect(make_url(postgres_url).set(drivername="postgresql").render_as_string(False)) as admin,
        pytest.raises(DatabaseUnavailable),
        store.transaction() as tx,
    ):
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        tx.merchants.list()
    with store.read() as tx:
        assert tx.merchants.list() == []


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("08006", DatabaseUnavailable),
        ("57P01", DatabaseUnavailable),
        ("53300", DatabaseBusy),
        ("53100", DatabaseFull),
        ("25006", DatabaseReadOnly),
        ("40001", DatabaseBusy),
        ("40P01", DatabaseBusy),
        ("55P03", DatabaseBusy),
        ("28P01", DatabaseMissing),
        ("3D000", DatabaseMissing),
        ("42501", DatabaseMissing),
        ("42P01", SchemaNotThere),
        ("42601", StoreFailure),
    ],
)
def test_postgresql_s_states(state: str, kind: type[EarnestError]) -> None:
    cause = psycopg.errors.lookup(state)("the server's own words")
    assert type(translate(exc.DBAPIError("SELECT 1", {}, cause), "it")) is kind


def _every(root: type[Exception]) -> list[type[Exception]]:
    found = [root]
    for child in root.__subclasses__():
        found += _every(child)
    return found


DRIVER_EXCEPTIONS = [
    *_every(sqlite3.Error),
    *_every(psycopg.Error),
]


@pytest.mark.parametrize("kind", DRIVER_EXCEPTIONS, ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_every_exception_of_the_drivers_is_in_our_tree(kind: type[Exception]) -> None:
    for raised in (kind("words"), exc.DBAPIError("SELECT 1", {}, kind("words"))):
        with pytest.raises(EarnestError, match="words") as ours, driver_errors_mapped("it"):
            raise raised
        assert ours.value.__cause__ is raised


ALCHEMY: list[Callable[[], exc.SQLAlchemyError]] = [
    lambda: exc.TimeoutError("pool"),
    lambda: exc.ArgumentError("url"),
    lambda: exc.InvalidRequestError("closed"),
    lambda: exc.StatementError("words", "SELECT 1", {}, None),
]


@pytest.mark.parametrize("make", ALCHEMY)
def test_what_the_layer_above_the_drivers_raises_is_in_our_tree(make: Callable[[], exc.SQLAlchemyError]) -> None:
    with pytest.raises(EarnestError), driver_errors_mapped("it"):
        raise make()


def test_errors_that_are_ours_already_pass_through() -> None:
    with pytest.raises(KeyError), driver_errors_mapped("it"):
        raise KeyError

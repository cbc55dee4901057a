"""Ports, files and databases that cannot be used: `earnest` refuses to start, says what to mend, and breaks nothing."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from earnest.store import open_store
from tests.acceptance.bad_input import Shop, database_url, earnest, good_settings

PAYOUT = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"
MISTYPED = "0x9965507d1a55bcC2695C58ba16FB37d819B0A4dc"


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """Settings with which `serve` would start, on a node that is down."""
    return good_settings(tmp_path)


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port of the loopback address on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


# Ports and files that others have.


@pytest.mark.parametrize("command", ["serve", "chain"])
def test_a_port_in_use_is_told_before_any_file_is_touched(
    settings: dict[str, str], tmp_path: Path, busy_port: int, command: str
) -> None:
    before = sorted(tmp_path.iterdir())
    said = earnest(command, "--port", str(busy_port), env=settings)
    said.refuses(1, f"port {busy_port} on 127.0.0.1 is in use", "another")
    assert sorted(tmp_path.iterdir()) == before


def test_a_second_serve_on_one_file_points_to_postgresql(shop: Shop, settings: dict[str, str]) -> None:
    folder = shop.stack.data_dir
    taken = {"EARNEST_DATA_DIR": str(folder), "EARNEST_RPC_URL": shop.stack.node_url}
    said = earnest("serve", env=settings | taken)
    said.refuses(1, f"another process already works on {folder / 'earnest.db'}", "stop that one, or use PostgreSQL")


def test_a_second_chain_on_one_file_names_the_first(shop: Shop) -> None:
    assert shop.stack.chain is not None
    said = earnest("chain", "--port", "0", "--data-dir", str(shop.stack.data_dir))
    said.refuses(1, f"{shop.stack.data_dir / 'chain.db'} is in use by process {shop.stack.chain.pid}", "stop that one")


# The database.


def dump(path: Path) -> list[str]:
    """Return all that an SQLite file holds."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


@pytest.fixture
def used_file(shared_shop: Shop, tmp_path: Path) -> Path:
    """A copy of a database that holds something."""
    copy = tmp_path / "earnest.db"
    with (
        closing(sqlite3.connect(shared_shop.stack.data_dir / "earnest.db")) as source,
        closing(sqlite3.connect(copy)) as to,
    ):
        source.backup(to)
    return copy


def test_a_database_of_a_newer_schema_is_left_as_it_is(settings: dict[str, str], used_file: Path) -> None:
    with closing(sqlite3.connect(used_file)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = dump(used_file)
    said = earnest("serve", env=settings)
    said.refuses(1, "the database has schema 9999", "start the newer Earnest", "restore a backup")
    assert dump(used_file) == before


def test_a_file_that_is_no_database_is_left_as_it_is(settings: dict[str, str], tmp_path: Path) -> None:
    letter = b"Dear customer, this is no database. " * 100
    (tmp_path / "earnest.db").write_bytes(letter)
    earnest("serve", env=settings).refuses(
        1, "earnest.db", "is not a database", "name another file, or restore a backup"
    )
    assert (tmp_path / "earnest.db").read_bytes() == letter


def test_a_read_only_sqlite_file_says_so(settings: dict[str, str], used_file: Path) -> None:
    locked = used_file.parent / "locked"
    locked.mkdir()
    file = Path(shutil.move(used_file, locked))
    before = dump(file)
    file.chmod(0o444)
    locked.chmod(0o555)
    try:
        url = {"EARNEST_DATABASE_URL": f"sqlite:///{file}"}
        earnest("serve", obey_permissions=True, env=settings | url).refuses(
            1, str(file), "can be read and not written", "permissions"
        )
    finally:
        locked.chmod(0o755)
    assert dump(file) == before


def test_a_read_only_postgresql_says_so(settings: dict[str, str], postgres_url: str) -> None:
    with closing(open_store(postgres_url)) as store:
        store.upgrade()
    with psycopg.connect(postgres_url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    said = earnest("serve", env=settings | {"EARNEST_DATABASE_URL": postgres_url})
    said.refuses(1, name, "can be read and not written", "a standby, or set to read only")


# What a person at a terminal mistypes.


def test_a_merchant_whom_no_payment_could_pay_is_refused(shop: Shop) -> None:
    there = {"EARNEST_DATA_DIR": str(shop.stack.data_dir)}
    with closing(open_store(database_url(shop.stack.data_dir))) as store:
        with store.read() as tx:
            before = tx.merchants.list()
        said = earnest("merchant", "create", "A shop", "--payout", PAYOUT, "--delivery-days", "401", env=there)
        said.refuses(2, "delivery_period is 34646400: it must be from 1 to 34560000 seconds")
        with store.read() as tx:
            assert tx.merchants.list() == before

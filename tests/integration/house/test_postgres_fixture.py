"""The test suite's own PostgreSQL: real, fresh for each test, and gone when its user is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, make_url, text

from tests.support.postgres import PROGRAM, PostgresServer, find_binaries


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_gets_an_empty_database(database_url: str, turn: int) -> None:
    engine = create_engine(database_url)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE leftover (id INTEGER)"))
    engine.dispose()


def test_postgres_url_names_a_real_server(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        version = connection.execute(text("SELECT version()")).scalar_one()
        locked = connection.execute(text("SELECT pg_try_advisory_xact_lock(1)")).scalar_one()
    engine.dispose()
    assert version.startswith("PostgreSQL ")
    assert locked is True


def test_a_database_is_dropped_under_an_open_connection(postgres_server: PostgresServer) -> None:
    name = postgres_server.create_database()
    engine = create_engine(postgres_server.url(name))
    connection = engine.connect()
    connection.execute(text("SELECT 1"))
    postgres_server.drop_database(name)
    connection.invalidate()
    connection.close()
    engine.dispose()


@pytest.mark.parametrize("elsewhere", [False, True], ids=["in one place", "elsewhere"])
def test_the_server_ends_when_its_parent_is_killed(elsewhere: bool) -> None:
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("MISSING: PostgreSQL's binaries")
    parent_source = (
        "import subprocess, sys\n"
        "keeper = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)\n"
        "keeper.wait()\n"
    )  # fmt: skip
    command = [sys.executable, "-c", parent_source, sys.executable, str(PROGRAM), str(binaries)]
    command += ["/tmp"] if elsewhere else []  # where PostgreSQL's account may go
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        folder = Path(parent.stdout.readline().decode().strip())
        data = (folder / "data").resolve()
        server_pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while folder.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not folder.exists()
    assert not data.exists()
    assert data.is_relative_to(folder) is not elsewhere
    with pytest.raises(ProcessLookupError):
        os.kill(server_pid, 0)


def test_the_url_is_one_that_sqlalchemy_and_psycopg_read(postgres_url: str) -> None:
    assert make_url(postgres_url).drivername == "postgresql+psycopg"

"""A PostgreSQL that is restarted under those who use it."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from pathlib import Path

from sqlalchemy import URL

from tests.support import postgres_process
from tests.support.postgres import PostgresServer, find_binaries

START_SECONDS = 30.0


class Postgres:
    """One server for many runs, each with a database of its own."""

    def __init__(self, binaries: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="earnest-pg-", dir="/tmp"))  # short: a socket's path has 104 bytes
        self._folder.chmod(0o755)
        self._process = postgres_process.start(binaries, self._folder)
        self.server = PostgresServer(
            URL.create(
                "postgresql+psycopg", username="postgres", database="postgres", query={"host": str(self._folder)}
            )
        )

    @classmethod
    def if_there(cls) -> Postgres | None:
        """Start one if the machine has any."""
        binaries = find_binaries()
        return cls(binaries) if binaries else None

    def restart(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """End it at once, with all its connections, and start it again; what was committed is there."""
        command = [str(each) for each in self._process.args]  # type: ignore[union-attr]
        self._process.send_signal(how)
        self._process.wait()
        self._process = postgres_process.launch(command, self._folder, postgres_process.server_account())
        deadline = time.monotonic() + START_SECONDS
        while not postgres_process.is_ready(self._folder / "data"):
            if time.monotonic() > deadline:
                raise TimeoutError((self._folder / "postgres.log").read_text())
            time.sleep(0.01)

    def close(self) -> None:
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

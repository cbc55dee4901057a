"""Child processes with a log file, a way to know that they are ready, and no orphans."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from earnest.payment.errors import Unavailable

STOP_WITH_PARENT = "EARNEST_STOP_WITH_PARENT"
"""Set for children: they end when their standard input does, so that none outlives a parent that was killed."""

GRACE_SECONDS = 10.0
"""How long a child may take to end by itself before it is killed."""


class ChildFailed(Unavailable):
    """A child process ended, or was not ready in time; the message has the last lines of its log."""

    code = "child_failed"


def free_port() -> int:
    """Return a port of the loopback address that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def refuse_taken_port(port: int, how_to_choose: str) -> None:
    """Raise `ChildFailed` if somebody listens on a port of the loopback address.

    He would answer at once, and be taken for the child that is about to fail there.
    """
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise ChildFailed(f"port {port} is in use: stop what listens there, or choose another with {how_to_choose}")


class Child:
    """One program of the local stack: started, awaited, ended or killed, and started again."""

    def __init__(self, name: str, module_args: Sequence[str], log_file: Path, env: Mapping[str, str]) -> None:
        """Describe the child; `module_args` follow `python -m`, `env` is added to ours."""
        self.name = name
        self.log_file = log_file
        self._command = [sys.executable, "-m", *module_args]
        self._env = {**os.environ, **env, STOP_WITH_PARENT: "1"}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process; its output is added to the log file."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 (our own interpreter and modules)
                self._command,
                env=self._env,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is the parent's to handle
            )

    def wait_ready(self, ready: Callable[[], bool], timeout_seconds: float) -> None:
        """Wait until `ready` says so; raises `ChildFailed` when the process ends first or the time is over."""
        deadline = time.monotonic() + timeout_seconds
        while not ready():
            if not self.running:
                raise ChildFailed(f"{self.name} ended before it was ready; it said:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise ChildFailed(f"{self.name} was not ready after {timeout_seconds:.0f} s; it said:\n{self.tail()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the process in good order, by force after a grace time."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the process with -9, as the power supply would."""
        self._end(signal.SIGKILL)

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        if not self.log_file.exists():
            return ""
        return "\n".join(self.log_file.read_text(errors="replace").splitlines()[-lines:])

    def _end(self, how: signal.Signals) -> None:
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdin:
            process.stdin.close()
        self._process = None

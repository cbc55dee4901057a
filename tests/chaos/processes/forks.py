"""`earnest chain` and `earnest serve` as processes that are killed: forks of one that has loaded everything.

Starting Python and loading it all takes three seconds, of which none is what is looked at. The modules of the command
line are loaded anew in each fork, and everything else behaves as in a process of its own: own threads, own files.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.acceptance.forked import FORKS

PATIENCE_SECONDS = 60.0
_KILL_WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG


class Fork:
    """One command of `earnest`: started, awaited, killed, stopped and woken, started again."""

    def __init__(self, name: str, arguments: tuple[str, ...], env: Mapping[str, str], log: Path) -> None:
        self.name = name
        self._arguments, self._log = arguments, log
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("EARNEST_")} | dict(env)
        self._process: ForkServerProcess | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        self._process = FORKS.Process(target=_become, args=(self._arguments, self._env, self._log), daemon=True)
        self._process.start()

    def kill(self) -> None:
        """Kill it with -9, also while it is stopped."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.join()
            self._process = None

    def freeze(self) -> None:
        """Stop it without its knowing (SIGSTOP)."""
        self._signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Let it go on as if nothing had been (SIGCONT)."""
        self._signal(signal.SIGCONT)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Wait until `ready` says so; raises `RuntimeError` with what it said if it ends first, or never is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not ready():
            if not self.running or time.monotonic() > deadline:
                raise RuntimeError(f"{self.name} is not ready (running: {self.running}); it said:\n{self.said()}")
            time.sleep(0.02)

    def said(self) -> str:
        """Return the last lines of its output."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-30:]) if self._log.exists() else ""

    def _signal(self, how: signal.Signals) -> None:
        if self._process is not None and self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, how)


def _become(arguments: tuple[str, ...], env: dict[str, str], log: Path) -> None:
    """Be the command: its environment, its output, and then `earnest` itself."""
    ctypes.CDLL(None).prctl(_KILL_WHEN_PARENT_ENDS, signal.SIGKILL)
    with log.open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["earnest", *arguments]

    from earnest.cli import main  # noqa: PLC0415 (only the fork is the command)

    main()

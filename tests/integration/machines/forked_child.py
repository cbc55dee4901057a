"""A command that starts and stays, as a fork of a process that has loaded everything: there in a tenth of the time.

It is a process of its own all the same, with connections and threads of its own, to be stopped and killed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from earnest.testing.processes import GRACE_SECONDS
from tests.acceptance.forked import FORKS


class ForkedChild:
    """One process of `earnest`; `arguments` stand after the command's name, `env` is added to ours."""

    def __init__(self, arguments: Sequence[str], log_file: Path, env: Mapping[str, str]) -> None:
        self._arguments, self._log_file, self._env = tuple(arguments), log_file, {**os.environ, **env}
        self._process: ForkServerProcess | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process is not None and self._process.is_alive() else None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self.pid is not None

    def start(self) -> None:
        """Start the process; its output is added to the log file."""
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        self._process = FORKS.Process(target=_become, args=(self._arguments, self._env, self._log_file), daemon=True)
        self._process.start()

    def stop(self) -> None:
        """End the process in good order, by force after a grace time."""
        if self._process is not None:
            self._process.terminate()
            self._process.join(GRACE_SECONDS)
            self.kill()

    def kill(self) -> None:
        """Kill the process with -9, as the power supply would."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
            self._process = None

    def tail(self, lines: int = 15) -> str:
        """Return the last lines of the log."""
        if not self._log_file.exists():
            return ""
        return "\n".join(self._log_file.read_text(errors="replace").splitlines()[-lines:])


def _become(arguments: tuple[str, ...], env: dict[str, str], log_file: Path) -> None:
    """Be the command: its environment, its output, and then `earnest` itself."""
    with log_file.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["earnest", *arguments]
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()

    from earnest.cli import main  # noqa: PLC0415 (only the fork is the command)

    main()


def _end_with(parent: int) -> None:
    """End when whoever forked us has ended: none outlives the tests."""
    while os.getppid() == parent:
        threading.Event().wait(1.0)
    os._exit(1)

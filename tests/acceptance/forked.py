"""`earnest` as a process of its own that does not load everything again: a fork of one that has loaded it.

Loading takes a second or two of each command that then takes a tenth. The modules of the command line itself are loaded
anew each time. Whatever starts and stays (the service, the chain, the demo) is started as a user would.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path

LOADED = [
    *("typer", "rich.console", "httpx", "uvicorn", "web3", "earnest.settings", "earnest.wiring", "earnest.api"),
    *("earnest.chain.follower", "earnest.chain.sender", "earnest.chain.wallet", "earnest.commands.journal"),
    *("earnest.commands.prepare_signature", "earnest.escrow.deploy", "earnest.mirror", "earnest.store.upgrades"),
    *("earnest.webhooks.post", "earnest.localnet.fresh"),
]

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(LOADED)


class TookTooLong(Exception):
    """The command had not ended in time, and was killed."""


def run(
    arguments: tuple[str, ...], env: Mapping[str, str], cwd: Path, scratch: Path, timeout_seconds: float
) -> tuple[int, str, str]:
    """Run a command to its end; returns its status, its standard output and its standard error.

    Args:
        arguments: what stands after the command's name.
        env: its whole environment.
        cwd: where it runs.
        scratch: a folder for what it says.
        timeout_seconds: how long it may take, else `TookTooLong`.
    """
    out, err = scratch / "out", scratch / "err"
    process = FORKS.Process(target=_become, args=(arguments, dict(env), cwd, out, err))
    process.start()
    process.join(timeout_seconds)
    if process.is_alive():
        process.kill()
        process.join()
        raise TookTooLong(f"earnest {' '.join(arguments)}: {err.read_text()}")
    status = process.exitcode
    assert status is not None
    process.close()
    return status, out.read_text(), err.read_text()


def _become(arguments: tuple[str, ...], env: dict[str, str], cwd: Path, out: Path, err: Path) -> None:
    """Be the command: its directory, its environment, its output, and then `earnest` itself."""
    for path, number in ((out, 1), (err, 2)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), number)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = ["earnest", *arguments]

    from earnest.cli import main  # noqa: PLC0415 (only the fork is the command)

    main()

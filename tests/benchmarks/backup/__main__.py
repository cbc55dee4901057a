"""Backing up and restoring many payments while the mirror goes on: `python -m tests.benchmarks.backup`.

A database is filled, then backed up by a process of its own while this one believes block after block into it; the file
is restored into an empty database by another one, and that is backed up again. What came back must be what was there
when the backup began: restoring compares the state hashes itself, and the rows of both backups are compared here. The
same is done with a tenth of the payments, so that memory that grows with them shows.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from deploy.tools.setup import ROOT
from earnest.backup import restore, write_backup
from earnest.store import open_store
from tests.benchmarks.backfill.watch import Watch, peak_mib
from tests.benchmarks.growth.filled import EVENTS_A_BLOCK, Filled
from tests.support.postgres import find_binaries, running_server

SECRET: Final = bytes(range(32))
PAYMENTS: Final = 100_000
PAYMENTS_OF_CHECK: Final = 12_000
MOST_MIB_MORE: Final = 40.0
"""What ten times the payments may take more at the most: the caches of interpreter and database fill up a little."""
PAUSE_SECONDS: Final = 0.1
"""Between two blocks, each of twenty events: far more than any chain brings."""


@dataclass(frozen=True)
class Row:
    """One thing that was done to one database."""

    what: str
    payments: int
    rows: int
    file_mib: float
    seconds: float
    cpu_seconds: float
    peak_mib: float
    blocks: int


def main() -> int:
    if len(sys.argv) == 4 and sys.argv[1] in ("backup", "restore"):
        print(json.dumps(do(*sys.argv[1:])))
        return 0
    parser = argparse.ArgumentParser(
        prog="backup", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--payments", type=int, default=PAYMENTS, help=f"in the larger store (default: {PAYMENTS:,})")
    parser.add_argument("--check", action="store_true", help=f"{PAYMENTS_OF_CHECK:,}, on SQLite alone")
    arguments = parser.parse_args()
    payments = PAYMENTS_OF_CHECK if arguments.check else arguments.payments
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="earnest-backup-")))
        binaries = None if arguments.check else find_binaries()
        server = stack.enter_context(running_server(binaries)) if binaries else None
        for size in (payments // 10, payments):
            kinds = {"sqlite": [f"sqlite:///{folder / f'{name}-{size}.db'}" for name in ("there", "back")]}
            if server is not None:
                kinds["postgresql"] = [server.url(server.create_database()) for _ in range(2)]
            for kind, (there, back) in kinds.items():
                rows += there_and_back(kind, there, back, folder / f"{kind}-{size}", size)
    print(
        f"{'':20} {'payments':>9} {'rows':>9} {'file MiB':>8} {'s':>7} {'CPU s':>7} {'peak MiB':>8} "
        f"{'blocks meanwhile':>16}"
    )
    for row in rows:
        print(
            f"{row.what:20} {row.payments:9,} {row.rows:9,} {row.file_mib:8.1f} {row.seconds:7.1f} "
            f"{row.cpu_seconds:7.1f} {row.peak_mib:8.0f} {row.blocks:16}"
        )
    wrong = list(grown(rows))
    print("\n".join(wrong))
    return 1 if wrong else 0


def there_and_back(kind: str, there: str, back: str, file: Path, payments: int) -> list[Row]:
    """Back up under load, restore, and back up what came back: both files must hold the same rows."""
    filled = Filled(there, payments)
    with closing(filled.store), closing(open_store(back)) as empty:
        empty.upgrade()
        with living(filled) as blocks:
            made = step("backup", there, file)
            meanwhile = len(blocks)
        restored = step("restore", back, file)
        again = step("backup", back, file.with_suffix(".again"))
    assert meanwhile > 0, "nothing was written while the backup was made"
    assert made["rows"] == restored["rows"] == again["rows"]
    assert made["chains"] == again["chains"], "the mirror that came back has another state hash"
    size = file.stat().st_size / 1024**2
    return [
        Row(
            what=f"{kind}, {name}",
            payments=payments,
            rows=sum(told["rows"].values()),
            file_mib=size,
            seconds=told["seconds"],
            cpu_seconds=told["cpu_seconds"],
            peak_mib=told["peak_mib"],
            blocks=count,
        )
        for name, told, count in (("backup", made, meanwhile), ("restore", restored, 0))
    ]


@contextmanager
def living(filled: Filled) -> Iterator[list[float]]:
    """Let blocks come all the while; yields what each took."""
    blocks: list[float] = []
    enough = Event()

    def go_on() -> None:
        while not enough.wait(PAUSE_SECONDS) and len(filled.alive) > EVENTS_A_BLOCK:
            blocks.append(filled.block())

    thread = Thread(target=go_on)
    thread.start()
    while not blocks:
        time.sleep(PAUSE_SECONDS)
    try:
        yield blocks
    finally:
        enough.set()
        thread.join()


def step(what: str, database: str, file: Path) -> dict[str, Any]:
    """Do it in a process of its own, whose memory is nobody else's."""
    command = [sys.executable, "-m", "tests.benchmarks.backup", what, database, str(file)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def do(what: str, database: str, file: str) -> dict[str, Any]:
    with closing(open_store(database)) as store, Watch() as watch:
        if what == "backup":
            made = write_backup(store, Path(file), SECRET, int(time.time()), os.urandom, lambda *_: None)
            rows, chains = made.rows, made.chains
        else:
            restored = restore(store, Path(file), [SECRET], lambda *_: None)
            rows, chains = restored.rows, restored.chains
    measured = {"seconds": watch.seconds, "cpu_seconds": watch.cpu_seconds, "peak_mib": peak_mib()}
    return {"rows": rows, "chains": [str(each) for each in chains], **measured}


def grown(rows: list[Row]) -> Iterator[str]:
    """Say where memory grew with the payments."""
    for what in dict.fromkeys(each.what for each in rows):
        small, large = (each for each in rows if each.what == what)
        more = large.peak_mib - small.peak_mib
        if more > MOST_MIB_MORE:
            yield f"{what}: {more:.0f} MiB more for ten times the payments, more than {MOST_MIB_MORE:.0f}"


if __name__ == "__main__":
    sys.exit(main())

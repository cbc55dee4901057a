"""Tell random stories under reorgs, faults and crashes, and compare what is believed and told with the chain.

    .venv/bin/python -m tests.chaos.stories --runs 1800 --workers 2 --resume
    .venv/bin/python -m tests.chaos.stories --replay 17
    .venv/bin/python -m tests.chaos.stories --processes --runs 200 --resume

Each run is told by its seed alone; every fourth is on PostgreSQL, where the machine has it. At its end the mirror and
the webhooks are compared with the chain, `reconcile` must find nothing, and after every seventh a rebuild comes to the
same bytes. Results go to `.cache/chaos`, under a hash of what was run: with `--resume` the seeds that are there already
are not run again, and the summary counts them. The status is 1 if anything differed.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import structlog

from tests.chaos.inprocess.story import Outcome, Stage
from tests.chaos.results import Results, Run, summary, work_off
from tests.support.postgres import PostgresServer, find_binaries, running_server

MEMORY = Path("/dev/shm")
"""Where databases cost no disk, on machines that have it: no run outlives its process, so nothing has to be kept."""
_stages: list[Stage] = []


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.stories", description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=20, help="how many seeds, from --first on")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--workers", type=int, default=1, help="how many processes tell stories")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier command with this code stopped")
    parser.add_argument("--processes", action="store_true", help="with real processes, killed with -9")
    parser.add_argument("--replay", type=int, metavar="SEED", help="tell one story again, and all its differences")
    asked = parser.parse_args(arguments)
    kind = "processes" if asked.processes else "stories"
    replay = f"python -m tests.chaos.stories {'--processes ' if asked.processes else ''}--replay"
    if asked.replay is not None:
        (run,) = told([asked.replay], 1, processes=asked.processes)
        print("\n".join([*run["differences"], str({name: run[name] for name in run if name != "differences"})]))
        return int(bool(run["differences"]))
    results = Results(kind)
    if not asked.resume:
        results.begin()
    began = time.monotonic()
    seeds = range(asked.first, asked.first + asked.runs)
    runs = work_off(results, seeds, lambda left: told(left, asked.workers, processes=asked.processes))
    print("\n".join(summary(kind, runs, replay)))
    print(f"  took {time.monotonic() - began:.0f} s this time")
    return int(any(run["differences"] for run in runs))


def told(seeds: Iterable[int], workers: int, *, processes: bool = False) -> Iterator[Run]:
    """Tell the stories of some seeds, in any order."""
    if processes:
        from tests.chaos.processes.run import runs_of  # noqa: PLC0415 (it loads what stories need none of)

        yield from runs_of(seeds)
        return
    if workers <= 1:
        with _room() as room, _quiet():
            _set_up(*room)
            for seed in seeds:
                yield _told(seed)
        return
    with _room() as room:
        context = multiprocessing.get_context("spawn")
        with context.Pool(workers, _set_up, room) as pool:
            yield from pool.imap_unordered(_told, seeds)


@contextmanager
def _room() -> Iterator[tuple[str, PostgresServer | None]]:
    """Give a folder, and a PostgreSQL where the machine has one."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None))
        binaries = find_binaries()
        yield folder, stack.enter_context(running_server(binaries)) if binaries else None


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave what is logged as it was before."""
    disabled, configured = logging.root.manager.disable, structlog.get_config()
    try:
        yield
    finally:
        logging.disable(disabled)
        structlog.configure(**configured)


def _set_up(folder: str, server: PostgresServer | None) -> None:
    """Prepare a process that tells stories."""
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    _stages[:] = [Stage(Path(tempfile.mkdtemp(dir=folder)), server)]


def _told(seed: int) -> Run:
    try:
        return asdict(_stages[0].tell(seed))
    except Exception:
        return asdict(Outcome(seed, [f"a fault of ours: {traceback.format_exc()}"]))


if __name__ == "__main__":
    sys.exit(main())

"""How fast the mirror is filled: `python -m tests.benchmarks.backfill` from the root.

One recorded chain, replayed over HTTP by a server faster than any client; each run is a process of its own with an
empty database, and counted only if every event, every payment and every status in it is right. Beside ours stand the
bare pipeline (fetch, check headers, decode, insert, nothing else) and a plain web3.py loop.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from deploy.tools.setup import ROOT
from tests.benchmarks.backfill import check, recording, replay, table
from tests.benchmarks.backfill.run import Result
from tests.benchmarks.backfill.story import Recording
from tests.benchmarks.progress import Progress
from tests.support.postgres import PostgresServer, find_binaries, running_server

EVENTS = 104_000
"""Spread over a little more than 20,000 blocks."""
EVENTS_OF_CHECK = 10_000
MANY_EVENTS = 1_000_000
RUNS = (
    *(("bare", "sqlite"), ("ours-foreign", "sqlite"), ("ours-mixed", "sqlite"), ("web3", "sqlite")),
    *(("bare", "postgresql"), ("ours-foreign", "postgresql"), ("ours-mixed", "postgresql")),
)
FAR = ("ours-far", "sqlite")
FAR_SECONDS = 0.05
"""How long each answer of a node takes that is far away."""


def main() -> int:
    arguments = parse()
    events = EVENTS_OF_CHECK if arguments.check else arguments.events
    results, wrong = run(events, RUNS if arguments.check else (*RUNS, FAR), arguments.repeat)
    if arguments.memory:
        for many in (EVENTS_OF_CHECK, MANY_EVENTS):
            more, also = run(many, [("ours-foreign", "sqlite")], 1)
            results |= {(f"ours, {many:,}", database): result for (_, database), result in more.items()}
            wrong += also
    print("\n".join(["", *table.lines(results), "", *wrong]))
    missed = table.slower(results) if arguments.check else table.missed(results)
    print("\n".join(missed))
    return 1 if wrong or (arguments.check and missed) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="backfill", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=EVENTS, help=f"length of the chain (default: {EVENTS:,})")
    parser.add_argument("--repeat", type=int, default=3, help="how often each is run; the quickest counts (default: 3)")
    parser.add_argument("--memory", action="store_true", help=f"also ours alone over {MANY_EVENTS:,} events")
    parser.add_argument(
        "--check",
        action="store_true",
        help="a short chain, each run once: fails if a row is wrong, or if ours takes several times the CPU it should",
    )
    arguments = parser.parse_args()
    if arguments.check:
        arguments.repeat = 1
    return arguments


def run(events: int, runs: Sequence[tuple[str, str]], repeat: int) -> tuple[dict[tuple[str, str], Result], list[str]]:
    """Run each so often, in turn, and return the quickest of each, and what was wrong in words."""
    results: dict[tuple[str, str], Result] = {}
    wrong: list[str] = []
    with ExitStack() as stack:
        making = Progress("recording the chain, events")
        recorded = stack.enter_context(recording.opened(events, making))
        making.end()
        near = stack.enter_context(replay.replayed(recorded))
        far = stack.enter_context(replay.replayed(recorded, FAR_SECONDS)) if FAR in runs else near
        binaries = find_binaries()
        server = stack.enter_context(running_server(binaries)) if binaries else None
        print(table.about(recorded.story), flush=True)
        possible = [each for each in runs if server is not None or each[1] != "postgresql"]
        running = Progress("runs")
        for turn in range(repeat):
            for at, (name, database) in enumerate(possible):
                running(turn * len(possible) + at, repeat * len(possible))
                result, differences = once(name, database, recorded, far if (name, database) == FAR else near, server)
                wrong += [f"{name}, {database}: {each}" for each in differences]
                before = results.get((name, database))
                if result and (before is None or result.seconds < before.seconds):
                    results[name, database] = result
    running.end()
    return results, wrong


def once(
    name: str, database: str, recorded: Recording, url: str, server: PostgresServer | None
) -> tuple[Result | None, list[str]]:
    """Run one thing once into an empty database, and look at every row."""
    with _empty(database, server) as where:
        command = [sys.executable, "-m", "tests.benchmarks.backfill.run", name, str(recorded.folder), url, where]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
        if done.returncode:
            return None, ["it failed"]
        result = msgspec.json.decode(done.stdout, type=Result)
        # The loop goes through a share of the chain only, so there its count is all that can be right.
        differences = [] if name == "web3" else check.differences(recorded.story, where, own=name == "ours-mixed")
        return (None if differences else result), differences


@contextmanager
def _empty(database: str, server: PostgresServer | None) -> Iterator[str]:
    if server is not None and database == "postgresql":
        name = server.create_database()
        yield server.url(name)
        server.drop_database(name)
        return
    with tempfile.TemporaryDirectory(prefix="earnest-backfill-") as folder:
        yield f"sqlite:///{Path(folder) / 'mirror.db'}"


if __name__ == "__main__":
    raise SystemExit(main())

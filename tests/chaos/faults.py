"""The table of faults: a backfill under each of them beside a clean one, and reorgs of every depth, live.

    .venv/bin/python -m tests.chaos.faults
    .venv/bin/python -m tests.chaos.faults --blocks 3000 --only drop

A row says FAILED if the follower died, if anything is missing or wrong beside the contract read directly, or if it took
more than twice the clean time (and whatever time the fault itself takes). Time is compared with a clean run just after
it, and taken again up to twice where it was too long, since somebody else may use the machine; all else has one try. A
plan that never struck is sown anew. The status is 1 if any row failed.

The node and the proxy run in processes of their own. A node that refuses batches needs a request for each header,
whoever asks it: that row is compared with a clean run in which nothing is asked in batches, and says how many times the
clean time with batches it took.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

import structlog

from earnest.chain.follower import FollowerState
from earnest.testing.fault_plans import Fault, FaultKind
from earnest.testing.wild_errors import (
    BEHIND_ERRORS,
    RANGE_ERRORS,
    RESULT_ERRORS,
    TRANSIENT_ERRORS,
    UNKNOWN_ERRORS,
)
from tests.chaos.table.apart import NodeApart, ProxyApart, faulty_apart, served_apart
from tests.chaos.table.follow import Following
from tests.chaos.table.node import Scene

BLOCKS = 3_000
SHARE = 0.1
OUTAGE_SECONDS = 1.0
RETRY_AFTER_SECONDS = 1
AT_MOST_TIMES_CLEAN = 2.0
TRIES = 3
SEEDS = range(7, 20)
REORG_SECONDS = 0.5
FOR_EVER = 1e9
BEGUN_AFTER_REQUESTS = 3
LONGEST_START_SECONDS = 30.0
LONGEST_SECONDS = 60.0
LOGS = ("eth_getLogs",)
HEADERS = ("eth_getBlockByNumber",)
DEEP = 128
"""Finality of the chain that reorganises: deeper than the deepest reorg of the table."""


@dataclass(frozen=True)
class Row:
    """One fault.

    Args:
        outage_seconds: nothing answers for so long, once the backfill has begun.
        beside_singles: its time is compared with that of a clean run in which nothing is asked in batches.
        batches: whether questions are asked in batches.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    outage_seconds: float = 0.0
    beside_singles: bool = False
    batches: bool = True


ROWS = (
    Row("10% of answers an error", (Fault(FaultKind.RPC_ERROR, SHARE, errors=TRANSIENT_ERRORS),)),
    Row("10% of logs: behind the head", (Fault(FaultKind.RPC_ERROR, SHARE, LOGS, errors=BEHIND_ERRORS),)),
    Row("10% HTTP 502", (Fault(FaultKind.SERVER_ERROR, SHARE),)),
    Row("10% 429 without Retry-After", (Fault(FaultKind.RATE_LIMIT, SHARE),)),
    Row("10% 429 with Retry-After", (Fault(FaultKind.RATE_LIMIT, SHARE, retry_after_seconds=RETRY_AFTER_SECONDS),)),
    Row("10% dropped", (Fault(FaultKind.DROP, SHARE),)),
    Row("10% of answers lost", (Fault(FaultKind.LOSE, SHARE),)),
    Row("10% of answers truncated", (Fault(FaultKind.TRUNCATE, SHARE),)),
    Row("10% of answers HTML", (Fault(FaultKind.GARBAGE, SHARE),)),
    Row("10% late by 50 ms", (Fault(FaultKind.DELAY, SHARE, seconds=0.05),)),
    Row("range limit of 500, known texts", (Fault(FaultKind.RANGE_LIMIT, limit=500, errors=RANGE_ERRORS),)),
    Row("range limit of 500, unknown texts", (Fault(FaultKind.RANGE_LIMIT, limit=500, errors=UNKNOWN_ERRORS),)),
    Row("result limit of 500 logs", (Fault(FaultKind.RESULT_LIMIT, limit=500, errors=RESULT_ERRORS),)),
    Row("10% silently empty", (Fault(FaultKind.EMPTY_LOGS, SHARE),)),
    Row("10% with logs left out", (Fault(FaultKind.MISSING_LOGS, SHARE),)),
    Row("10% with logs told twice", (Fault(FaultKind.DUPLICATE_LOGS, SHARE),)),
    Row("10% of another chain", (Fault(FaultKind.WRONG_CHAIN, SHARE),)),
    Row("10% from 20 blocks ago", (Fault(FaultKind.STALE_HEAD, SHARE, blocks=20),)),
    Row("1% of headers null", (Fault(FaultKind.NO_SUCH_BLOCK, 0.01),)),
    Row("batches refused", (Fault(FaultKind.NO_BATCHES),), beside_singles=True),
    Row("10% of a batch's items fail", (Fault(FaultKind.RPC_ERROR, SHARE, HEADERS, errors=TRANSIENT_ERRORS),)),
    Row(f"outage of {OUTAGE_SECONDS:g} s", outage_seconds=OUTAGE_SECONDS),
)


@dataclass(frozen=True)
class Line:
    """A line of the table; `allowed_seconds` is what it may take."""

    name: str
    seconds: float | None
    allowed_seconds: float
    happened: int
    differences: list[str]
    trouble: str = ""
    remark: str = ""

    @property
    def well(self) -> bool:
        return (
            not self.differences
            and not self.trouble
            and self.seconds is not None
            and self.seconds <= self.allowed_seconds
        )

    @property
    def is_too_slow(self) -> bool:
        """Whether time is all that is wrong with it."""
        return replace(self, allowed_seconds=FOR_EVER).well and not self.well

    def __str__(self) -> str:
        seconds = f"{self.seconds:8.2f}" if self.seconds is not None else "   never"
        verdict = (
            ("ok" if self.happened or "clean" in self.name else "ok, but nothing struck") if self.well else "FAILED"
        )
        allowed = f"{self.allowed_seconds:8.2f}" if self.allowed_seconds < FOR_EVER else " " * 8
        told = f"{self.name:<36}{seconds}{allowed}{self.happened:8}{len(self.differences):8}  {verdict}{self.remark}"
        return "\n    ".join([told, *([self.trouble] if self.trouble else []), *self.differences[:3]])


def main(arguments: list[str] | None = None) -> int:
    """Print the table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.faults", description=__doc__.splitlines()[0])
    parser.add_argument("--blocks", type=int, default=BLOCKS, help="how many are backfilled")
    parser.add_argument("--only", default="", help="the rows whose names hold this text")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    print(f"{'fault':<36}{'seconds':>8}{'allowed':>8}{'faults':>8}{'differ':>8}")
    failed = 0
    for line in lines(asked.blocks, asked.only):
        print(line, flush=True)
        failed += not line.well
    print(f"{failed} rows FAILED")
    return int(failed > 0)


def lines(blocks: int, only: str = "") -> Iterator[Line]:
    """Yield the table line by line."""
    with tempfile.TemporaryDirectory() as scratch:
        yield from backfills(blocks, [row for row in ROWS if only in row.name], Path(scratch))
        yield from reorgs(only, Path(scratch))


def backfills(blocks: int, rows: list[Row], scratch: Path) -> Iterator[Line]:
    """Yield a clean line and one for each row."""
    if not rows:
        return
    scene = Scene(finality_depth=8)
    scene.live(blocks, undoable=False)
    scene.rest(12)
    with served_apart(scene) as node:
        table = _Table(node, scratch)
        table.clean()  # the first one is slow for reasons of its own
        yield replace(table.clean(), allowed_seconds=FOR_EVER)
        if any(row.beside_singles for row in rows):
            yield replace(table.clean(batches=False), allowed_seconds=FOR_EVER)
        for row in rows:
            yield table.line(row)


class _Table:
    """Backfills of one scene, each into a database of its own."""

    def __init__(self, node: NodeApart, scratch: Path) -> None:
        self._node, self._scratch = node, scratch
        self._runs = count()

    def clean(self, *, batches: bool = True) -> Line:
        name = "clean" if batches else "clean, never a batch"
        return self._backfill(Row(name, batches=batches), SEEDS[0])

    def line(self, row: Row) -> Line:
        seeds, quickest, with_batches, tries = iter(SEEDS), FOR_EVER, FOR_EVER, 0
        seed = next(seeds)
        while True:
            line = self._backfill(row, seed)
            if row.faults and not line.happened and (seed := next(seeds, 0)):
                continue
            tries += 1
            with_batches = min(with_batches, self.clean().seconds or FOR_EVER)
            beside = self.clean(batches=False).seconds or FOR_EVER if row.beside_singles else with_batches
            quickest = min(quickest, beside)
            line = replace(line, allowed_seconds=line.allowed_seconds + AT_MOST_TIMES_CLEAN * quickest)
            if row.beside_singles and line.seconds is not None:
                line = replace(line, remark=f" ({line.seconds / with_batches:.1f} times clean with batches)")
            if tries >= TRIES or not line.is_too_slow:
                return line

    def _backfill(self, row: Row, seed: int) -> Line:
        """Return how it went; allowed is only what the fault itself takes."""
        allowed = row.outage_seconds
        path = self._scratch / f"{next(self._runs)}.db"
        with ExitStack() as ends:
            proxy = ends.enter_context(faulty_apart(self._node.url, row.faults, seed))
            if row.outage_seconds:
                outage = threading.Thread(target=_outage, args=(proxy, row.outage_seconds), daemon=True)
                outage.start()
                ends.callback(outage.join)
            following = ends.enter_context(Following(self._node.scene, path, proxy.url, batches=row.batches))
            seconds = following.reaches(LONGEST_SECONDS)
            if row.faults and row.faults[0].retry_after_seconds:  # it is the node that asks for it
                allowed += proxy.happened(FaultKind.RATE_LIMIT) * RETRY_AFTER_SECONDS
            trouble = f"the follower died: {following.died!r}" if following.died else ""
            if seconds is None and not trouble:
                trouble = f"does not arrive: {following.status}"
            differences = following.differences(all_final=True) if seconds is not None else []
            return Line(row.name, seconds, allowed, proxy.happened(), differences, trouble)


def _outage(proxy: ProxyApart, seconds: float) -> None:
    """Let nothing answer for a while, once the backfill has begun."""
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while proxy.requests < BEGUN_AFTER_REQUESTS and time.monotonic() < deadline:
        time.sleep(0.001)
    proxy.drop_all(seconds)


def reorgs(only: str, scratch: Path, depths: Sequence[int] = (1, 3, 30, 100)) -> Iterator[Line]:
    """Yield a line for a reorg of each depth, one to the same height, and one past finality."""
    names = {f"reorg of depth {depth}": (depth, depth + 1) for depth in depths}
    wanted = {name: how for name, how in (names | {"reorg to the same height": (3, 3)}).items() if only in name}
    if wanted:
        scene = Scene(finality_depth=DEEP)
        scene.live(DEEP + 40, undoable=True)
        with served_apart(scene) as node, Following(scene, scratch / "reorgs.db", node.url) as following:
            following.reaches(60)
            for name, (depth, length) in wanted.items():
                line = _reorg(node, following, name, depth, length)
                for _ in range(TRIES - 1):
                    if line.is_too_slow:
                        line = _reorg(node, following, name, depth, length)
                yield line
    if only in "reorg past finality":
        yield _past_finality(scratch / "past.db")


def _reorg(node: NodeApart, following: Following, name: str, depth: int, length: int) -> Line:
    node.reorg(depth, length)
    seconds = following.reaches(30)
    trouble = "" if following.died is None else f"the follower died: {following.died!r}"
    return Line(name, seconds, REORG_SECONDS, 1, following.differences(all_final=False), trouble)


def _past_finality(path: Path) -> Line:
    """Take back what was final: the follower freezes, and not a byte is written."""
    scene = Scene(finality_depth=4)
    scene.live(40, undoable=True)
    with served_apart(scene) as node, Following(scene, path, node.url) as following:
        following.reaches(60)
        before, began, frozen = following.content(), time.monotonic(), None
        node.reorg(8, 10)
        while frozen is None and time.monotonic() - began < 10:
            if following.status.state is FollowerState.FROZEN:
                frozen = time.monotonic() - began
            time.sleep(0.005)
        time.sleep(1.0)
        differences = [] if following.content() == before else ["something was written"]
        trouble = "" if frozen is not None else f"no alarm: {following.status}"
        return Line("reorg past finality: alarm", frozen, REORG_SECONDS, 1, differences, trouble)


if __name__ == "__main__":
    sys.exit(main())

"""What one more block and one more question cost as payments pile up: `python -m tests.benchmarks.growth`.

Two stores, a small and a large one, are filled with payments of which a tenth are a merchant's own, who was told of
them. Then blocks of 20 events are believed in turn by the one and the other, and what the API and the deliverer ask is
asked of each: what the quickest tenth took at most, and how many times the small one's the large one's is.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.growth.filled import Filled
from tests.benchmarks.growth.plans import objections, plans_of
from tests.benchmarks.growth.questions import BLOCK, GOES_BY, OF_FEW, SUMS, Question, questions
from tests.support.postgres import find_binaries, running_server

SMALL, LARGE, TURNS = 10_000, 1_000_000, 60
MOST_TIMES = 1.3
SMALL_OF_CHECK, LARGE_OF_CHECK, TURNS_OF_CHECK = 3_000, 18_000, 10
"""In the small store, too, a list has a page of each status that is asked for."""
MOST_TIMES_OF_CHECK = 4.0
"""What goes through all that there is takes up to six times as long; this leaves room for a machine that is busy."""


@dataclass(frozen=True)
class Row:
    """What one thing took in the small store and in the large one, in milliseconds."""

    what: str
    few: float
    many: float
    whole: tuple[str, ...] = ()
    """Where the large store's plan reads a whole table, or goes past the index that was made for it."""
    is_sum: bool = False
    """Whether it adds up all that a merchant has."""

    @property
    def times(self) -> float:
        return self.many / self.few


def main() -> int:
    arguments = parse()
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="earnest-growth-")))
        binaries = find_binaries()
        server = stack.enter_context(running_server(binaries)) if binaries else None
        sizes = (arguments.small, arguments.large)
        urls = [f"sqlite:///{folder / f'{payments}.db'}" for payments in sizes]
        rows += compare("sqlite", urls, sizes, arguments.turns, plans=arguments.plans)
        if server is not None:
            urls = [server.url(server.create_database()) for _ in sizes]
            rows += compare("postgresql", urls, sizes, arguments.turns, plans=arguments.plans)
    print(f"\n{'':52} {arguments.small:>9,} {arguments.large:>9,} payments: ms; times")
    for row in rows:
        print(f"{row.what:52} {row.few:9.2f} {row.many:9.2f} {row.times:6.2f}")
    most = MOST_TIMES_OF_CHECK if arguments.check else MOST_TIMES
    judged = [row for row in rows if not row.is_sum]
    wrong = [f"{row.what}: {row.times:.2f} times, more than {most}" for row in judged if row.times > most]
    wrong += [f"{row.what}: {line}" for row in rows for line in row.whole]
    print("\n".join(["", *wrong]))
    return 1 if arguments.check and wrong else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="growth", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", type=int, default=SMALL, help=f"payments in one store (default: {SMALL:,})")
    parser.add_argument("--large", type=int, default=LARGE, help=f"and in the other (default: {LARGE:,})")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"how often each is measured (default: {TURNS})")
    parser.add_argument("--plans", action="store_true", help="also print how the large store goes about each question")
    parser.add_argument(
        "--check", action="store_true", help=f"{SMALL_OF_CHECK:,} and {LARGE_OF_CHECK:,}: fails where it grows along"
    )
    arguments = parser.parse_args()
    if arguments.check:
        arguments.small, arguments.large, arguments.turns = SMALL_OF_CHECK, LARGE_OF_CHECK, TURNS_OF_CHECK
    return arguments


def compare(name: str, urls: list[str], sizes: tuple[int, int], turns: int, *, plans: bool) -> list[Row]:
    """Fill both stores and return what was measured of them, in turn: the machine's noise then meets both alike."""
    small, large = (Filled(url, payments) for url, payments in zip(urls, sizes, strict=True))
    rows: list[Row] = []
    few, many = (_timed(filled) for filled in (small, large))
    for what, ask in many.items():
        lines = plans_of(urls[1], ask)
        if plans:
            print("\n      ".join([f"{name}: {what}", *lines]))
        whole = objections(lines, names_few=what in OF_FEW, goes_by=GOES_BY.get(what, ()))
        row = _both(f"{name}: {what}", few[what], ask, turns)
        rows.append(Row(row.what, row.few, row.many, tuple(whole), is_sum=what in SUMS))
    small.store.close()
    large.store.close()
    return rows


def _both(what: str, small: Callable[[], float], large: Callable[[], float], turns: int) -> Row:
    """Return the quickest of ten, for either: whatever else the machine does only ever adds."""
    took = [(small() * 1_000, large() * 1_000) for _ in range(turns)]
    few, many = (sorted(each[at] for each in took)[turns // 10] for at in (0, 1))
    return Row(what, few, many)


def _timed(filled: Filled) -> dict[str, Callable[[], float]]:
    """Return all that is measured, by name; each returns the seconds that it took."""

    def timed(ask: Question) -> Callable[[], float]:
        def once() -> float:
            began = time.perf_counter()
            ask(filled.store)
            return time.perf_counter() - began

        return once

    return {BLOCK: filled.block, **{what: timed(ask) for what, ask in questions(filled).items()}}


if __name__ == "__main__":
    raise SystemExit(main())

"""The test command: run the parts of `parts.py` in the order of their cost and close with what ran and what did not.

`python -m deploy.tools.check [part …] [--keep-going]`. Once a part has failed, the parts with tests that would follow
are not begun, unless told to keep going, as CI is: one run there tells everything. Whatever did not run is named with
its reason; under CI (`CI=true` or `EARNEST_CI=1`) it counts as a failure.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby

from deploy.tools.outcome import Outcome, write_summary
from deploy.tools.parts import PARTS, Part, PartCannotRun, under_ci
from deploy.tools.setup import SetupFailed


def run_part(part: Part) -> Outcome:
    """Run one part and return what became of it."""
    print(f"\n=== {part.name}: {part.what}", flush=True)
    started = time.monotonic()
    outcome = Outcome(part.name)
    try:
        for step in part.steps:
            step(outcome)
    except (PartCannotRun, SetupFailed) as problem:
        print(problem, flush=True)
        outcome.skip(str(problem))
    outcome.seconds = time.monotonic() - started
    return outcome


def run_parts(parts: list[Part], keep_going: bool) -> list[Outcome]:
    """Run parts in order; after one that failed, those with tests are only written down, unless told to keep going.

    Neighbours that take one core each run at the same time.
    """
    outcomes: list[Outcome] = []
    for one_core, neighbours in groupby(parts, lambda part: part.one_core):
        if one_core:
            outcomes += run_together(list(neighbours))
            continue
        for part in neighbours:
            failed = next((each.name for each in outcomes if each.failed), "")
            if failed and part.folders and not keep_going:
                outcomes.append(Outcome(part.name))
                outcomes[-1].skip(f"not begun, since {failed} failed (KEEP_GOING=1 runs every part)")
            else:
                outcomes.append(run_part(part))
    return outcomes


def run_together(parts: list[Part]) -> list[Outcome]:
    """Run parts at the same time; what they say is mixed line by line."""
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(run_part, parts))


def main() -> int:
    names = [part.name for part in PARTS]
    parser = argparse.ArgumentParser(prog="check", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(names)}; without any, all of them")
    parser.add_argument("--keep-going", action="store_true", help="run later parts after one that failed")
    arguments = parser.parse_args()
    unknown = set(arguments.parts) - set(names)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    chosen = [part for part in PARTS if not arguments.parts or part.name in arguments.parts]
    # The tests start hundreds of Python programs. Told to keep no bytecode, each of them would compile all that it
    # imports anew, which takes longer than the rest of its start.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    keep_going = arguments.keep_going or under_ci() or os.environ.get("KEEP_GOING") == "1"
    outcomes = run_parts(chosen, keep_going)
    return write_summary(outcomes, strict=under_ci())


if __name__ == "__main__":
    sys.exit(main())

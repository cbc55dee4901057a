"""A deep run: `python -m tests.properties.escrow_machine 1000000` makes and compares at least so many calls."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from earnest.escrow.artifact import from_json, load
from tests.properties.escrow_machine.drive import Figures, drive
from tests.properties.escrow_machine.stage import START, build
from tests.support.evm_mined import MinedChain
from tests.support.evm_revm import RevmChain

RUNS_AT_ONCE = 100


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.properties.escrow_machine", description=__doc__)
    parser.add_argument("calls", type=int, help="how many calls to make at least, those without a trace included")
    parser.add_argument("--steps", type=int, default=80, help="of one run, at most (%(default)s)")
    parser.add_argument("--true", action="store_true", help="on eth-tester, with blocks and signed txs: slow")
    parser.add_argument("--artifact", type=Path, help="another escrow's artifact than the shipped one")
    parser.add_argument("--as-found", action="store_true", help="tell a disagreement without making it small first")
    asked = parser.parse_args()
    artifact = from_json(asked.artifact.read_text("utf-8")) if asked.artifact else load()
    stage = build(MinedChain(START) if asked.true else RevmChain(START), artifact)
    figures, began, began_cpu = Figures(), time.monotonic(), time.process_time()
    while figures.calls + figures.tried < asked.calls:
        drive(stage, RUNS_AT_ONCE, asked.steps, figures, tries_always=not asked.true, shrinks=not asked.as_found)
        seconds, cpu = time.monotonic() - began, time.process_time() - began_cpu
        print(
            f"{figures.runs} runs, {figures.calls} txs and {figures.tried} tries compared in {seconds:.0f} s "
            f"({cpu:.0f} s of CPU): {(figures.calls + figures.tried) / cpu:.0f} calls per CPU second",
            flush=True,
        )
    for what, count in figures.seen.most_common():
        print(f"{count:>9}  {what}")


if __name__ == "__main__":
    main()

"""Where a verb's gas goes, by function and by source line: `python -m tests.benchmarks.gas.profile "release, all"`.

Compiles the sources as they are shipped (some ten seconds, once for each state of them). Gas is what the escrow's own
instructions cost; what the code that it calls costs stands at the call. The optimizer merges code, so a line may carry
a neighbour's gas, and what stands at the contract's own line is dispatch, decoding and other code of the compiler.
"""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from deploy.tools.node import CONTRACTS
from tests.benchmarks.gas.floor import Floor
from tests.benchmarks.gas.measure import Bench
from tests.benchmarks.gas.operations import OPERATIONS, Operation
from tests.benchmarks.gas.ours import Ours
from tests.benchmarks.gas.sourcemap import NOWHERE, Place, build
from tests.benchmarks.gas.trace import Recorder, Step
from tests.benchmarks.gas.world import furnish, py_evm

KINDS = {
    "storage": ("SLOAD", "SSTORE"),
    "lock": ("TLOAD", "TSTORE"),
    "event": ("LOG1", "LOG2", "LOG3"),
    "hashing": ("SHA3", "KECCAK256"),
    "calling": ("CALL", "STATICCALL", "CREATE2", "EXTCODESIZE", "BALANCE"),
    "called code": (),
    "the rest": (),
}
"""Kinds of cost, by instruction."""


@dataclass(frozen=True)
class Trace:
    """A tx's gas, and the steps of the measured contract itself."""

    gas_used: int
    steps: list[Step]

    def kinds(self) -> dict[str, int]:
        """Return the gas by kind; all kinds together are the tx's gas."""
        gas = dict.fromkeys(KINDS, 0)
        for step in self.steps:
            gas[_kind(step)] += step.gas
            gas["called code"] += step.called_gas
        gas["tx and calldata, less refunds"] = self.gas_used - sum(gas.values())
        return gas


class Profiler:
    """The furnished chain, watched."""

    def __init__(self, code: bytes) -> None:
        self._recorder = Recorder()
        self._bench = Bench(furnish(code, py_evm(self._recorder.rules())))

    def ours(self, operation: Operation) -> Trace:
        return self._trace(Ours(self._bench.world), operation.ours)

    def floor(self, operation: Operation) -> Trace | None:
        return self._trace(Floor(self._bench.world), operation.floor) if operation.floor else None

    def _trace(self, contender: Ours | Floor, steps: Callable[[Any], Any]) -> Trace:
        self._bench.run(contender, steps)
        with self._recorder.watching():
            # What comes before is remembered by now, so only the measured tx runs.
            gas_used = self._bench.run(contender, steps).gas_used
        return Trace(gas_used, [step for step in self._recorder.steps if step.depth == 0])


def _kind(step: Step) -> str:
    return next((kind for kind, names in KINDS.items() if step.mnemonic in names), "the rest")


def compare(ours: Trace, floor: Trace | None) -> Iterator[str]:
    """Yield what each kind of cost is, beside the floor's."""
    lowest = floor.kinds() if floor else {}
    for kind, gas in [("whole tx", ours.gas_used), *ours.kinds().items()]:
        other = floor.gas_used if floor and kind == "whole tx" else lowest.get(kind)
        beside = f"{other:>8,} {gas - other:>+8,}" if other is not None else ""
        yield f"{gas:>8,} {beside}  {kind}"


def report(steps: list[Step], places: dict[int, Place], top: int) -> Iterator[str]:
    """Yield the lines of a profile by function, by line and by instruction."""
    for title, key in (("function", _function), ("line", _line), ("instruction", _instruction)):
        gas: Counter[str] = Counter()
        for step in steps:
            gas[key(step, places)] += step.gas
        yield f"-- by {title}"
        yield from (f"{each:>8,}  {what}" for what, each in gas.most_common(top))
    yield "-- calls: gas of the called code"
    yield from (f"{step.called_gas:>8,}  {_line(step, places)}" for step in steps if step.called_gas)


def in_order(steps: list[Step], places: dict[int, Place]) -> Iterator[str]:
    """Yield the instructions as they ran, one line of the source after the other."""
    yield "-- in order"
    for where, group in groupby(steps, key=lambda step: _line(step, places)):
        some = list(group)
        yield f"{sum(step.gas for step in some):>8,}  {where}\n{'':>12}{' '.join(step.mnemonic for step in some)}"


def _function(step: Step, places: dict[int, Place]) -> str:
    place = places.get(step.pc, NOWHERE)
    return f"{place.file} {place.function}"


def _line(step: Step, places: dict[int, Place]) -> str:
    place = places.get(step.pc, NOWHERE)
    return f"{place.file}:{place.line}  {place.text[:100]}"


def _instruction(step: Step, _: dict[int, Place]) -> str:
    return re.sub(r"^(PUSH|DUP|SWAP)\d+$", r"\1", step.mnemonic)


def main() -> int:
    parser = argparse.ArgumentParser(prog="profile", description=__doc__)
    parser.add_argument("operations", nargs="+", help="how an operation's name in the table begins")
    parser.add_argument("--contracts", type=Path, default=CONTRACTS, help="the folder with src/ and node_modules/")
    parser.add_argument("--top", type=int, default=25, help="how many lines of each list")
    parser.add_argument("--steps", action="store_true", help="the instructions too, in the order in which they ran")
    arguments = parser.parse_args()
    built = build(arguments.contracts)
    profiler = Profiler(built.code)
    for begin in arguments.operations:
        for operation in (each for each in OPERATIONS if each.name.startswith(begin)):
            ours = profiler.ours(operation)
            print(f"\n== {operation.name}: ours, floor, above")
            print("\n".join(compare(ours, profiler.floor(operation))))
            print("\n".join(report(ours.steps, built.places, arguments.top)))
            if arguments.steps:
                print("\n".join(in_order(ours.steps, built.places)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

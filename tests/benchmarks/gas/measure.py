"""Measuring: each operation begins from the same furnished chain, and is a cold tx alone in its block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.gas.calls import Call
from tests.benchmarks.gas.chain import MeasuringChain, Sent, TxFailed
from tests.benchmarks.gas.floor import Floor
from tests.benchmarks.gas.operations import Operation
from tests.benchmarks.gas.ours import Ours
from tests.benchmarks.gas.world import World, furnish


@dataclass(frozen=True)
class Measured:
    """One row's gas: ours, the floor's where it can do that, and why ours failed if it did."""

    operation: Operation
    ours: int | None
    floor: int | None
    failure: str = ""


class Bench:
    """A furnished chain, and the states that were reached on it."""

    def __init__(self, world: World, *, remembers: bool = True) -> None:
        """`remembers`: what came before a measured tx is done once for all that need it, if the chain can go forth."""
        self.world = world
        self._furnished = world.chain.snapshot()
        self._reached: dict[tuple[bytes, tuple[Call, ...]], Any] | None = {} if remembers else None

    def run(self, contender: Ours | Floor, steps: Callable[[Any], tuple[list[Call], Call]]) -> Sent:
        """Return the receipt of the last step."""
        self.world.chain.restore(self._furnished)
        before, measured = steps(contender)
        self._reach(contender.where, tuple(before))
        return self.world.send(measured, contender.where)

    def _reach(self, where: bytes, before: tuple[Call, ...]) -> None:
        chain, known = self.world.chain, self._reached
        if known is not None and (where, before) in known:
            chain.restore(known[where, before])
            return
        for call in before:
            self.world.send(call, where)
        if known is not None:
            known[where, before] = chain.snapshot()


def measure(
    escrow_code: bytes, operations: Iterable[Operation], chain: MeasuringChain, *, remembers: bool = True
) -> list[Measured]:
    """Measure operations of the escrow with this creating bytecode, and of the floor, on a fresh chain."""
    bench = Bench(furnish(escrow_code, chain), remembers=remembers)
    ours, floor = Ours(bench.world), Floor(bench.world)
    rows = []
    for operation in operations:
        lowest = bench.run(floor, operation.floor).gas_used // operation.each if operation.floor else None
        try:
            rows.append(Measured(operation, bench.run(ours, operation.ours).gas_used // operation.each, lowest))
        except TxFailed as failure:
            rows.append(Measured(operation, None, lowest, str(failure)))
    return rows

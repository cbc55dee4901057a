"""Measuring: each operation begins from the same furnished chain, and is a cold tx alone in its block."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.benchmarks.gas.calls import Call
from tests.benchmarks.gas.chain import Sent, TxFailed
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


@dataclass
class Bench:
    """The furnished chain, and the states that were reached on it."""

    world: World
    _reached: dict[tuple[bytes, tuple[Call, ...]], Any] = field(default_factory=dict)

    def run(self, contender: Ours | Floor, steps: Callable[[Any], tuple[list[Call], Call]]) -> Sent:
        """Return the receipt of the last step; what came before it is done once for all who need it."""
        chain = self.world.chain
        self._go_to(contender.where, ())
        before, measured = steps(contender)
        self._go_to(contender.where, tuple(before))
        sent = self.world.send(measured, contender.where)
        chain.restore(self._reached[contender.where, ()])
        return sent

    def _go_to(self, where: bytes, before: tuple[Call, ...]) -> None:
        chain = self.world.chain
        if (where, before) not in self._reached:
            for call in before:
                self.world.send(call, where)
            self._reached[where, before] = chain.snapshot()
        chain.restore(self._reached[where, before])


def measure(escrow_code: bytes, operations: Iterable[Operation]) -> list[Measured]:
    """Measure operations of the escrow with this creating bytecode, and of the floor."""
    bench = Bench(furnish(escrow_code))
    ours, floor = Ours(bench.world), Floor(bench.world)
    rows = []
    for operation in operations:
        lowest = bench.run(floor, operation.floor).gas_used // operation.each if operation.floor else None
        try:
            rows.append(Measured(operation, bench.run(ours, operation.ours).gas_used // operation.each, lowest))
        except TxFailed as failure:
            rows.append(Measured(operation, None, lowest, str(failure)))
    return rows

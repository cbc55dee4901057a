"""Rules of Prague that write down what every instruction cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from eth.abc import ComputationAPI, OpcodeAPI
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PragueComputation
from eth.vm.forks.prague.state import PragueState


@dataclass(frozen=True)
class Step:
    """An instruction that ran: where, what it cost by itself, and what the code that it called cost."""

    depth: int
    pc: int
    mnemonic: str
    gas: int
    called_gas: int


@dataclass
class Recorder:
    """Collects the steps of what runs inside of `watching`."""

    steps: list[Step] = field(default_factory=list)
    _watches: bool = False
    _spent: list[int] = field(default_factory=lambda: [0])
    """By depth, what the instructions there cost so far, with what they called."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        self.steps.clear()
        self._watches = True
        try:
            yield
        finally:
            self._watches = False

    def run(self, opcode: OpcodeAPI, mnemonic: str, computation: ComputationAPI) -> None:
        if not self._watches:
            opcode(computation=computation)
            return
        pc = max(0, computation.code.program_counter - 1)
        before = computation.get_gas_remaining()
        self._spent.append(0)
        try:
            opcode(computation=computation)
        finally:
            # STOP, RETURN and REVERT leave by an exception.
            spent, called = before - computation.get_gas_remaining(), self._spent.pop()
            self._spent[-1] += spent
            self.steps.append(Step(computation.msg.depth, pc, mnemonic, spent - called, called))

    def rules(self) -> type[PragueVM]:
        """Return the rules of Prague with this recorder in them."""
        computation = type("RecordingComputation", (PragueComputation,), {"opcodes": self._opcodes()})
        state = type("RecordingState", (PragueState,), {"computation_class": computation})
        return type("RecordingVM", (PragueVM,), {"_state_class": state})

    def _opcodes(self) -> dict[int, Any]:
        return {number: _Recorded(self, opcode) for number, opcode in PragueComputation.opcodes.items()}


class _Recorded:
    """An instruction that tells the recorder."""

    def __init__(self, recorder: Recorder, opcode: OpcodeAPI) -> None:
        self._recorder, self._opcode = recorder, opcode
        # Some are wrapped once more by py-evm itself.
        self.mnemonic: str = getattr(opcode, "mnemonic", "") or getattr(opcode, "__wrapped__").mnemonic  # noqa: B009
        self.gas_cost = getattr(opcode, "gas_cost", 0)

    def __call__(self, computation: ComputationAPI) -> None:
        self._recorder.run(self._opcode, self.mnemonic, computation)

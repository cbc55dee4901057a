"""Running the machine so many times on one stage, with the figures of what was compared."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.properties.escrow_machine.machine import EscrowMachine
from tests.properties.escrow_machine.play import Play
from tests.properties.escrow_machine.stage import Stage


@dataclass
class Figures:
    """What was compared: txs, and tries that left no trace; `seen` counts what came of the txs."""

    runs: int = 0
    calls: int = 0
    tried: int = 0
    seen: Counter[str] = field(default_factory=Counter)

    def add(self, play: Play) -> None:
        self.runs += 1
        self.calls += play.calls
        self.tried += play.tried
        self.seen.update(play.seen)


def drive(
    stage: Stage,
    runs: int,
    steps: int,
    figures: Figures | None = None,
    *,
    tries_always: bool = True,
    shrinks: bool = True,
) -> Figures:
    """Let Hypothesis make so many runs of at most so many steps; raises what it finds, by default made small."""
    kept = figures or Figures()

    class OnThisStage(EscrowMachine):
        pass

    OnThisStage.stage = stage
    OnThisStage.tries_always = tries_always
    OnThisStage.finished = staticmethod(kept.add)
    limits = settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        phases=(Phase.reuse, Phase.generate, *([Phase.shrink] if shrinks else [])),
    )
    run_state_machine_as_test(OnThisStage, settings=limits)
    return kept

"""One random story with real processes: killed with -9, stopped and woken, behind endpoints that misbehave."""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.chaos.inprocess.deeds import People
from tests.chaos.inprocess.story import Outcome
from tests.chaos.processes.postgres import Postgres
from tests.chaos.processes.shop import Shop
from tests.chaos.processes.stack import Stack
from tests.chaos.processes.template import Template, make_template
from tests.chaos.results import Run

MOST_DEPTH = 3
"""The embedded chain's blocks are final four deep."""
PATIENCE_SECONDS = 90.0
ON_POSTGRESQL = 4
"""Every so many-th run is on PostgreSQL, with two services, where the machine has it."""


def runs_of(seeds: Iterable[int]) -> Iterator[Run]:
    """Tell the stories of some seeds, one after the other; what they share is made once."""
    left = list(seeds)
    if not left:
        return
    with ExitStack() as ends, tempfile.TemporaryDirectory(prefix="earnest-chaos-") as scratch:
        template = make_template(Path(scratch) / "template")
        postgres = Postgres.if_there()
        if postgres is not None:
            ends.callback(postgres.close)
        for seed in left:
            began, folder = time.monotonic(), Path(scratch) / f"run-{seed}"
            try:
                outcome = ProcessStory(seed, template, folder, postgres).play()
            except Exception:
                outcome = Outcome(seed, [f"a fault of ours: {traceback.format_exc()}"])
            outcome.wall_seconds = time.monotonic() - began
            if outcome.differences:
                kept = Path(tempfile.gettempdir()) / f"earnest-chaos-kept-{seed}"
                shutil.copytree(folder, kept, dirs_exist_ok=True)
                outcome.differences.append(f"its folder is kept in {kept}")
            shutil.rmtree(folder, ignore_errors=True)
            yield asdict(outcome)


@dataclass
class ProcessStory:
    """The story of one seed."""

    seed: int
    template: Template
    folder: Path
    postgres: Postgres | None
    outcome: Outcome = field(init=False)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.outcome = Outcome(self.seed)
        if self.seed % ON_POSTGRESQL:
            self.postgres = None
        self.outcome.on_postgresql = int(self.postgres is not None)

    def play(self) -> Outcome:
        """Tell it and judge its end."""
        with ExitStack() as ends:
            self.stack = ends.enter_context(Stack(self.template, self.folder, self.postgres, self.seed))
            self.shop = ends.enter_context(Shop(self.stack, self.rng))
            self.people = People(self.template, self.stack.chain, self.rng, self.shop.payments)
            self.stack.start()
            self.stack.spoil(self.rng)
            for _ in range(self.rng.randint(12, 20)):
                self._step()
                if self.rng.random() < 0.25:
                    self._strike()
            if not self.stack.kills:  # no story goes by without one
                self.stack.kill(self.rng.choice(self.stack.services))
            self._come_to_rest()
            self._count()
        return self.outcome

    def _step(self) -> None:
        dice = self.rng.random()
        if dice < 0.30 or not self.shop.payments:
            self.shop.create()
        elif dice < 0.80:
            for tx in [*self.people.deed(), *self.people.deed()]:
                self.stack.send(tx)
        elif dice < 0.90:
            self.shop.operate()
        else:
            self._reorg()

    def _strike(self) -> None:
        """Let something happen to a process, or to the endpoints."""
        dice, stack = self.rng.random(), self.stack
        if dice < 0.35:
            stack.kill(self.rng.choice(stack.services))
        elif dice < 0.50:
            stack.kill(stack.chain_process)
        elif dice < 0.60:
            stack.kill(*stack.services, stack.chain_process)
        elif dice < 0.70 and stack.postgres is not None:
            stack.postgres.restart(self.rng.choice([signal.SIGQUIT, signal.SIGINT]))
            self.outcome.crashes += 1
        elif dice < 0.80:
            stack.freeze(self.rng.choice(stack.services), self.rng.uniform(0.1, 1.0))
        else:
            stack.spoil(self.rng)
        if self.rng.random() < 0.5:
            time.sleep(self.rng.uniform(0.0, 0.4))

    def _reorg(self) -> None:
        depth = self.rng.randint(1, MOST_DEPTH)
        if self.stack.reorg(depth, self.rng):
            self.outcome.reorgs += 1
            self.outcome.deepest = max(self.outcome.deepest, depth)

    def _come_to_rest(self) -> None:
        """Heal everything, let the chain pass finality, and wait until nothing differs; what still does is told."""
        stack = self.stack
        stack.heal()
        self.shop.wait_for_operator()
        stack.chain.ask("evm_increaseTime", 3 * 3600)
        for _ in range(6):
            stack.chain.ask("evm_mine")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while differences := list(self.shop.differences()):
            if time.monotonic() > deadline:
                self.outcome.differences += differences
                return
            stack.revive()  # one that gave up over the last lie may end only now
            time.sleep(0.25)

    def _count(self) -> None:
        outcome, stack = self.outcome, self.stack
        outcome.crashes += stack.kills
        outcome.faults = sum(proxy.plan.happened.total() for proxy in stack.proxies)
        for proxy in stack.proxies:
            for kind, count in proxy.plan.happened.items():
                outcome.kinds[str(kind)] = outcome.kinds.get(str(kind), 0) + count
        outcome.payments, outcome.events = self.shop.counted
        outcome.webhooks, outcome.blocks = len(self.shop.got), stack.chain.head.number

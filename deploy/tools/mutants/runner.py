"""Tries many mutants on several copies of the project at a time, and tells how far it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Lock, Thread

from deploy.tools.mutants.blocks import Block
from deploy.tools.mutants.compiler import PLAIN, Compiler
from deploy.tools.mutants.ground import Ground, ground_of
from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.results import Results
from deploy.tools.mutants.trial import Bench, Result, Verdict, try_in_full
from deploy.tools.mutants.workplace import SHORTEST_LIMIT_SECONDS, TIMES_AS_LONG, SuiteBroken, Workplace, copy_built

PROGRESS_EVERY_SECONDS = 15.0


@dataclass
class Progress:
    """Counts what is done, and prints a line now and then."""

    total: int
    started: float = field(default_factory=time.monotonic)
    told: float = 0.0
    done: Counter[Verdict] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)

    def add(self, result: Result) -> None:
        with self.lock:
            self.done[result.verdict] += 1
            now, count = time.monotonic(), self.done.total()
            if now - self.told < PROGRESS_EVERY_SECONDS and count < self.total:
                return
            self.told = now
            each = (now - self.started) / count
            sums = ", ".join(f"{number} {verdict}" for verdict, number in sorted(self.done.items()))
            left = (self.total - count) * each / 60
            print(f"  {count}/{self.total}: {sums}; {each:.2f} s each, {left:.0f} min left", flush=True)


@dataclass
class Runner:
    """Brings every mutant to a verdict, and keeps each in `results` as soon as it is there."""

    contracts: Path
    ground: Ground
    cache: Path
    environment: dict[str, str]
    results: Results
    listed: list[Block]
    """Survivors that are known to change nothing; the full trial, a minute each, is not spent on them."""

    def run(self, mutants: list[Mutant], workers: int) -> None:
        """Try the mutants that have no verdict yet.

        Raises:
            SuiteBroken: if the tests fail on the sources as they are, if those changed since the mutants were made of
                them, or if forge itself fails.
        """
        fresh = [mutant for mutant in mutants if self.results.known(mutant) is None]
        print(f"mutants: {len(mutants) - len(fresh)} known from before", flush=True)
        if not fresh and not self._doubtful(mutants):
            return
        print("mutants: building the tests", flush=True)
        built = Workplace(self.cache / "built", self.environment)
        built.fill(self.contracts)
        if ground_of(built.contracts) != self.ground:
            raise SuiteBroken("sources or tests were changed just now: begin again")
        slow = self._try_sources(built)
        self._try_quickly(fresh, workers, built, slow)
        self._try_in_full(self._doubtful(mutants), workers, built)

    def _doubtful(self, mutants: list[Mutant]) -> list[Mutant]:
        known = [(mutant, self.results.known(mutant)) for mutant in mutants]
        doubtful = [mutant for mutant, result in known if result and result.verdict is Verdict.DOUBTFUL]
        return [mutant for mutant in doubtful if not any(block.fits(mutant) for block in self.listed)]

    def _try_sources(self, built: Workplace) -> tuple[str, ...]:
        """Run the suite on the sources as they are, set the limit by it, and return which files of tests are slow."""
        started = time.monotonic()
        run = built.test()
        if run.failing:
            raise SuiteBroken(f"the tests fail on the sources as they are: {run.failing}")
        print(f"mutants: built in {time.monotonic() - started:.0f} s; the suite takes {run.seconds:.1f} s", flush=True)
        built.limit_seconds = max(SHORTEST_LIMIT_SECONDS, TIMES_AS_LONG * run.seconds)
        return run.slow

    def _try_quickly(self, fresh: list[Mutant], workers: int, built: Workplace, slow: tuple[str, ...]) -> None:
        with ExitStack() as stack:
            benches = [self._bench(stack, built, slow, number) for number in range(workers)]
            print(f"mutants: trying {len(fresh)}, {workers} at a time", flush=True)
            work_through(fresh, [bench.try_out for bench in benches], self.results.add)

    def _try_in_full(self, doubtful: list[Mutant], workers: int, built: Workplace) -> None:
        print(f"mutants: trying {len(doubtful)} survivors with everything compiled and more runs", flush=True)
        places = [copy_built(built, self.cache / f"full-{number}") for number in range(workers)]
        for place in places:
            place.limit_seconds *= TIMES_AS_LONG
        work_through(doubtful, [partial(try_in_full, place) for place in places], self.results.add)

    def _bench(self, stack: ExitStack, built: Workplace, slow: tuple[str, ...], number: int) -> Bench:
        quick = copy_built(built, self.cache / f"quick-{number}")
        quick.drop_tests(lambda file: file in slow)
        places = [quick]
        if slow:
            places.append(copy_built(built, self.cache / f"slow-{number}"))
            places[-1].drop_tests(lambda file: file not in slow)
        compiler = stack.enter_context(Compiler(quick.contracts, self.environment))
        plain = compiler.codes({}, PLAIN)
        strangers = [":".join(key) for key, code in plain.items() if quick.built_code(*key) != code.creation]
        if strangers:
            raise SuiteBroken(f"forge builds other bytes than the compiler alone: {', '.join(strangers)}")
        return Bench(compiler, places, plain)


def work_through(
    mutants: list[Mutant], trials: Sequence[Callable[[Mutant], Result]], keep: Callable[[Mutant, Result], None]
) -> None:
    """Give each mutant to whichever of the trials is free, in a thread each; the first error ends all and is raised."""
    waiting: SimpleQueue[Mutant] = SimpleQueue()
    for mutant in mutants:
        waiting.put(mutant)
    progress, stop, errors = Progress(len(mutants)), Event(), SimpleQueue[BaseException]()

    def work(trial: Callable[[Mutant], Result]) -> None:
        while not stop.is_set():
            try:
                mutant = waiting.get_nowait()
            except Empty:
                return
            try:
                result = trial(mutant)
            except BaseException as error:
                errors.put(error)
                stop.set()
                return
            keep(mutant, result)
            progress.add(result)

    # Not by joining threads: an interrupted join takes a thread for ended, and would leave its forge behind.
    ends = [Event() for _ in trials]

    def work_to_the_end(trial: Callable[[Mutant], Result], ended: Event) -> None:
        try:
            work(trial)
        finally:
            ended.set()

    begun: list[Event] = []
    try:
        for trial, ended in zip(trials, ends, strict=True):
            begun.append(ended)
            Thread(target=work_to_the_end, args=(trial, ended)).start()
        for ended in ends:
            ended.wait()
    finally:
        stop.set()
        for ended in begun:
            ended.wait()
    if not errors.empty():
        raise errors.get()

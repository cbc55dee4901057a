"""What becomes of one mutant."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from deploy.tools.mutants.compiler import OPTIMIZED, PLAIN, Codes, Compiler, DoesNotCompile
from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.workplace import Run, Workplace


class Verdict(StrEnum):
    """How a mutant ended; `survived` alone asks for a test."""

    KILLED = "killed"  # a test fails, or the suite does not end
    INVALID = "invalid"  # it does not compile
    SAME = "equivalent by bytecode"  # the compiler makes the same bytes of it
    DOUBTFUL = "survived the quick trial"  # to be tried in full
    SURVIVED = "survived"


@dataclass(frozen=True)
class Result:
    """A verdict, and what it rests on: the failing test, or the compiler's error."""

    verdict: Verdict
    because: str = ""


@dataclass
class Bench:
    """What one worker needs to try mutants: a compiler, copies of the project, the bytes of the sources as they are."""

    compiler: Compiler
    places: list[Workplace]
    """Where the quick tests are, and where the slow ones."""
    plain: Codes
    optimized: list[Codes] = field(default_factory=list)

    def try_out(self, mutant: Mutant) -> Result:
        """Compile a mutant and run the suite against its bytes."""
        changed = {mutant.file: mutant.mutated}
        try:
            codes = self.compiler.codes(changed, PLAIN)
        except DoesNotCompile as error:
            return Result(Verdict.INVALID, str(error).strip().splitlines()[0])
        if codes == self.plain:
            return Result(Verdict.SAME)
        for place in self.places:
            place.put_codes(codes)
            run = place.test()
            if run.failing:
                return Result(Verdict.KILLED, run.failing)
        return Result(Verdict.SAME) if self._is_same_program(changed) else Result(Verdict.DOUBTFUL)

    def _is_same_program(self, changed: dict[str, str]) -> bool:
        for number, settings in enumerate(OPTIMIZED):
            if len(self.optimized) <= number:
                self.optimized.append(self.compiler.codes({}, settings))
            if self.compiler.codes(changed, settings) == self.optimized[number]:
                return True
        return False


def try_in_full(place: Workplace, mutant: Mutant) -> Result:
    """Run the whole suite, with the project's own numbers of runs, on changed sources that forge itself compiles."""
    path = place.contracts / mutant.file
    path.write_text(mutant.mutated)
    try:
        run: Run = place.test(few_runs=False)
    finally:
        path.write_text(mutant.original)
    return Result(Verdict.KILLED, run.failing) if run.failing else Result(Verdict.SURVIVED)

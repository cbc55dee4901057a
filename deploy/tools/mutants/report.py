"""What a run of mutation testing says in the end."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from deploy.tools.mutants.blocks import Block
from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.trial import Result, Verdict
from deploy.tools.mutants.workplace import TIMEOUT

# Of those mutants that change what the contract does, so many must be killed.
LEAST_SCORE_PERCENT = 95


@dataclass(frozen=True)
class Report:
    """All results of a run beside the list of those survivors that change nothing."""

    results: list[tuple[Mutant, Result]]
    listed: list[Block]
    is_whole: bool
    """Whether all mutants were tried; with a part of them, the list is not held against the others."""

    def _of(self, verdict: Verdict) -> list[Mutant]:
        return [mutant for mutant, result in self.results if result.verdict is verdict]

    def _survived(self) -> list[Mutant]:
        return self._of(Verdict.SURVIVED) + self._of(Verdict.DOUBTFUL)

    @property
    def survivors(self) -> list[Mutant]:
        """Those that survived without a reason on the list."""
        return [mutant for mutant in self._survived() if not any(block.fits(mutant) for block in self.listed)]

    @property
    def score_percent(self) -> float:
        """Killed ones of all that compile and are not known to change nothing."""
        killed, survived = len(self._of(Verdict.KILLED)), len(self.survivors)
        return 100.0 * killed / (killed + survived) if killed + survived else 0.0

    @property
    def complaints(self) -> list[str]:
        """What is wrong with the list of survivors that change nothing."""
        said: list[str] = []
        for block in self.listed:
            verdicts = {result.verdict: result for mutant, result in self.results if block.fits(mutant)}
            where = f"{block.file}, {block.function}\n{block.change}"
            if not verdicts and self.is_whole:
                said.append(f"listed as changing nothing, but there is no such mutant: {where}")
            elif verdicts and not {Verdict.SURVIVED, Verdict.DOUBTFUL} & verdicts.keys():
                verdict, result = next(iter(verdicts.items()))
                said.append(f"listed as changing nothing, but {verdict} ({result.because}): {where}")
        return said

    @property
    def is_good(self) -> bool:
        return self.score_percent >= LEAST_SCORE_PERCENT and not self.complaints

    def lines(self) -> list[str]:
        """The report as it is printed: survivors first, the sums last."""
        lines = [f"\nsurvived: {mutant}" for mutant in self.survivors]
        lines += [f"\n{complaint}" for complaint in self.complaints]
        counts = Counter(result.verdict for _, result in self.results)
        lines += ["", *(f"{counts[verdict]:>6} {verdict}" for verdict in Verdict)]
        slept = sum(result.because == TIMEOUT for _, result in self.results)
        lines.append(f"{slept:>6} of those killed by the clock alone; many on a busy machine prove little")
        excused = len(self._survived()) - len(self.survivors)
        lines.append(f"{excused:>6} of those that survived change nothing, for the reason that is listed")
        lines += ["", f"{'function':<44}{'killed':>7}{'of':>6}"]
        for function, (killed, of) in sorted(self._by_function().items()):
            lines.append(f"{function:<44}{killed:>7}{of:>6}{'' if killed == of else '   <'}")
        score = f"{self.score_percent:.1f}% of those that change something were killed"
        return [*lines, "", f"{score}; {LEAST_SCORE_PERCENT}% are asked for"]

    def _by_function(self) -> dict[str, tuple[int, int]]:
        killed, left = Counter(mutant.function for mutant in self._of(Verdict.KILLED)), Counter[str]()
        left.update(mutant.function for mutant in self.survivors)
        return {function: (killed[function], killed[function] + left[function]) for function in killed | left}

"""What a run of mutation testing makes of its results."""

from __future__ import annotations

from deploy.tools.mutants.blocks import Block
from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.report import Report
from deploy.tools.mutants.trial import Result, Verdict


def mutant(number: int) -> Mutant:
    return Mutant("op", "src/A.sol", "A.f", "a\n", f"{number}\n")


def report(*verdicts: Verdict, listed: tuple[int, ...] = (), is_whole: bool = True) -> Report:
    results = [(mutant(number), Result(verdict, "why")) for number, verdict in enumerate(verdicts)]
    blocks = [Block("reason", "src/A.sol", "A.f", mutant(number).change) for number in listed]
    return Report(results, blocks, is_whole)


def test_the_score_counts_only_what_compiles_and_changes_something() -> None:
    found = report(*[Verdict.KILLED] * 19, Verdict.SURVIVED, Verdict.INVALID, Verdict.SAME)
    assert found.score_percent == 95.0
    assert found.is_good
    assert not report(*[Verdict.KILLED] * 18, Verdict.SURVIVED).is_good
    assert not report().is_good


def test_a_survivor_with_a_reason_does_not_count() -> None:
    found = report(Verdict.KILLED, Verdict.SURVIVED, listed=(1,))
    assert found.is_good
    assert found.survivors == []


def test_a_listed_one_that_is_killed_or_gone_is_complained_of() -> None:
    assert "killed (why)" in report(Verdict.KILLED, listed=(0,)).complaints[0]
    assert "no such mutant" in report(Verdict.KILLED, listed=(7,)).complaints[0]
    assert not report(Verdict.KILLED, listed=(7,)).is_good
    assert report(Verdict.KILLED, listed=(7,), is_whole=False).is_good


def test_survivors_are_shown_as_a_change() -> None:
    said = "\n".join(report(Verdict.KILLED, Verdict.SURVIVED).lines())
    assert "survived: src/A.sol:1 A.f: op\n- a\n+ 1\n" in said
    assert "50.0% of those that change something were killed" in said


def test_those_killed_by_the_clock_are_told() -> None:
    late = Report([(mutant(1), Result(Verdict.KILLED, "timeout"))], [], is_whole=True)
    assert "     1 of those killed by the clock alone" in "\n".join(late.lines())

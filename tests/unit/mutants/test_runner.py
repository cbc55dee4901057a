"""Many mutants on several workers: each is tried once, an error ends all, an interrupt waits for what is running."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from deploy.tools.mutants.ground import ground_of
from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.results import Results
from deploy.tools.mutants.runner import Runner, work_through
from deploy.tools.mutants.trial import Result, Verdict
from deploy.tools.mutants.workplace import ARTIFACTS, COPIED, SuiteBroken

MUTANTS = [Mutant(str(number), "src/A.sol", "A.f", "a\n", f"{number}\n") for number in range(20)]


def killed(mutant: Mutant) -> Result:
    return Result(Verdict.KILLED, mutant.name)


def test_each_mutant_is_tried_once() -> None:
    kept: list[str] = []
    work_through(MUTANTS, [killed, killed, killed], lambda mutant, result: kept.append(mutant.name))
    assert sorted(kept) == sorted(mutant.name for mutant in MUTANTS)


def test_an_error_of_one_worker_is_raised() -> None:
    def broken(mutant: Mutant) -> Result:
        raise OSError(mutant.name)

    with pytest.raises(OSError, match="0"):
        work_through(MUTANTS[:1], [broken], lambda mutant, result: None)


def test_an_interrupt_waits_for_what_is_running_and_begins_nothing_more() -> None:
    ended: list[str] = []

    def slow(mutant: Mutant) -> Result:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(0.3)
        ended.append(mutant.name)
        return killed(mutant)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            work_through(MUTANTS, [slow], lambda mutant, result: None)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended == ["0"]


def test_nothing_is_tried_on_sources_that_changed_meanwhile(tmp_path: Path) -> None:
    contracts, cache = tmp_path / "contracts", tmp_path / "cache"
    for folder in (contracts / "src", contracts / "test", contracts / "tools", tmp_path / ARTIFACTS):
        folder.mkdir(parents=True)
    for file in (name for name in COPIED if "." in name):
        (contracts / file).write_text("")
    ground = ground_of(contracts)
    (contracts / "src" / "A.sol").write_text("another's")
    with pytest.raises(SuiteBroken, match="begin again"):
        Runner(contracts, ground, cache, {}, Results(cache / "results", ground), []).run(MUTANTS, 1)

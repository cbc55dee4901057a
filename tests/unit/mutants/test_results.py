"""Results outlive a run, and each falls with what it rests on, and with nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.tools.mutants.ground import ground_of
from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.results import Results
from deploy.tools.mutants.trial import Result, Verdict
from deploy.tools.mutants.workplace import TIMEOUT
from deploy.tools.node import CONTRACTS

MUTANT = Mutant("op", "src/A.sol", "A.f", "a\n", "b\n")
KILLED = Result(Verdict.KILLED, "test/A.t.sol:test_a")
LATE = Result(Verdict.KILLED, TIMEOUT)
INVALID = Result(Verdict.INVALID, "Error: no such thing")
SAME = Result(Verdict.SAME)
DOUBTFUL = Result(Verdict.DOUBTFUL)
SURVIVED = Result(Verdict.SURVIVED)
ALL = (KILLED, LATE, INVALID, SAME, DOUBTFUL, SURVIVED)


@pytest.fixture
def contracts(tmp_path: Path) -> Path:
    for name in ("src/A.sol", "test/A.t.sol", "test/B.t.sol", "test/support/Base.sol", "tools/solc"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as it was")
    (tmp_path / "test/A.t.sol").write_text('import {\n    Base,\n    Other\n} from "./support/Base.sol";\n')
    (tmp_path / "test/support/Base.sol").write_text('import "../deep/Root.sol";')
    (tmp_path / "foundry.toml").write_text("")
    (tmp_path / "package-lock.json").write_text("{}")
    return tmp_path


def holding_after(contracts: Path, change: Callable[[], object]) -> list[Result]:
    """Return which of all results are still known when something has changed."""
    paths = [contracts / f"results-{number}" for number in range(len(ALL))]
    for path, result in zip(paths, ALL, strict=True):
        Results(path, ground_of(contracts)).add(MUTANT, result)
    change()
    known = [Results(path, ground_of(contracts)).known(MUTANT) for path in paths]
    return [result for result in known if result]


def test_results_outlive_a_run_that_was_cut_off(contracts: Path) -> None:
    path = contracts / "results"
    Results(path, ground_of(contracts)).add(MUTANT, KILLED)
    path.write_text(path.read_text() + '{"half of a li')
    known = Results(path, ground_of(contracts))
    assert known.known(MUTANT) == KILLED
    assert known.known(Mutant("op", "src/A.sol", "A.f", "a\n", "c\n")) is None


def test_all_results_hold_while_nothing_changes(contracts: Path) -> None:
    assert holding_after(contracts, lambda: None) == list(ALL)


@pytest.mark.parametrize("file", ["src/A.sol", "src/New.sol", "foundry.toml", "package-lock.json", "tools/solc"])
def test_nothing_holds_after_another_program(contracts: Path, file: str) -> None:
    assert holding_after(contracts, lambda: (contracts / file).write_text("new")) == []


@pytest.mark.parametrize("file", ["test/B.t.sol", "test/New.t.sol", "test/support/New.sol"])
def test_a_death_outlives_other_tests(contracts: Path, file: str) -> None:
    assert holding_after(contracts, lambda: (contracts / file).write_text("new")) == [KILLED, INVALID, SAME]


def test_a_death_outlives_another_test_that_went(contracts: Path) -> None:
    assert holding_after(contracts, (contracts / "test/B.t.sol").unlink) == [KILLED, INVALID, SAME]


@pytest.mark.parametrize("file", ["test/A.t.sol", "test/support/Base.sol", "test/deep/Root.sol"])
def test_a_death_falls_with_its_test_and_with_what_that_imports(contracts: Path, file: str) -> None:
    (contracts / file).parent.mkdir(exist_ok=True)
    assert holding_after(contracts, lambda: (contracts / file).write_text("new")) == [INVALID, SAME]


def test_a_death_falls_with_its_test_that_went(contracts: Path) -> None:
    assert holding_after(contracts, (contracts / "test/A.t.sol").unlink) == [INVALID, SAME]


def test_a_later_result_counts(contracts: Path) -> None:
    path = contracts / "results"
    for result in (DOUBTFUL, KILLED):
        Results(path, ground_of(contracts)).add(MUTANT, result)
    assert Results(path, ground_of(contracts)).known(MUTANT) == KILLED


def test_a_result_of_an_older_format_is_forgotten(contracts: Path) -> None:
    path = contracts / "results"
    path.write_text(f'{{"state": "0", "mutant": "{MUTANT.fingerprint}", "verdict": "killed", "because": "x:y"}}\n')
    assert Results(path, ground_of(contracts)).known(MUTANT) is None


def test_no_file_imports_a_file_of_tests() -> None:
    """Else a test could fail by what stands in another's file, and a verdict would rest on that as well."""
    imports = {path: re.findall(r'"([^"]+\.t\.sol)";', path.read_text()) for path in CONTRACTS.glob("test/**/*.sol")}
    assert imports
    assert not any(imports.values())

"""The closing lines of the test command: what they count, and when they mean failure."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.tools.check import run_parts
from deploy.tools.outcome import Outcome, write_summary
from deploy.tools.parts import PYTEST_OPTIONS, Part, PartCannotRun, beside, in_order, run_for_a_while

pytest_plugins = ["pytester"]


def passing(outcome: Outcome) -> None:
    outcome.add_check(True)


def failing(outcome: Outcome) -> None:
    outcome.add_check(False)


def missing(_: Outcome) -> None:
    raise PartCannotRun("MISSING: a thing")


def closing_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.splitlines()[-1]


def test_the_last_line_sums_the_parts(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = run_parts([Part("a", "", (passing,)), Part("b", "", (passing, failing))], keep_going=True)
    assert write_summary(outcomes, strict=False) == 1
    assert closing_line(capsys) == "2 passed, 1 failed, 0 skipped"


def test_a_missing_part_is_named_and_fails_only_under_ci(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = run_parts([Part("a", "", (passing,)), Part("b", "", (missing,))], keep_going=False)
    assert write_summary(outcomes, strict=False) == 0
    said = capsys.readouterr().out
    assert "b: MISSING: a thing" in said
    assert said.endswith("1 passed, 0 failed, 1 skipped\n")
    assert write_summary(outcomes, strict=True) == 1
    assert closing_line(capsys) == "1 passed, 1 failed, 0 skipped"


def test_tests_after_a_failed_part_are_said_not_to_have_run(capsys: pytest.CaptureFixture[str]) -> None:
    parts = [Part("a", "", (failing,)), Part("quick", "", (passing,)), Part("slow", "", (passing,), ("tests/slow",))]
    assert write_summary(run_parts(parts, keep_going=False), strict=False) == 1
    said = capsys.readouterr().out
    assert "slow: not begun, since a failed" in said
    assert said.endswith("1 passed, 1 failed, 1 skipped\n")
    assert write_summary(run_parts(parts, keep_going=True), strict=False) == 1
    assert closing_line(capsys) == "2 passed, 1 failed, 0 skipped"


def test_neighbours_that_take_one_core_run_at_the_same_time(capsys: pytest.CaptureFixture[str]) -> None:
    both = threading.Barrier(2, timeout=20.0)  # breaks, and fails the part, where one waits for the other to end

    def meet(outcome: Outcome) -> None:
        both.wait()
        outcome.add_check(True)

    parts = [Part("a", "", (meet,), one_core=True), Part("b", "", (meet, failing), one_core=True)]
    outcomes = run_parts([*parts, Part("slow", "", (passing,), ("tests/slow",))], keep_going=False)
    assert [(each.name, each.passed, each.failed) for each in outcomes] == [("a", 1, 0), ("b", 1, 1), ("slow", 0, 0)]
    assert write_summary(outcomes, strict=True) == 1
    assert closing_line(capsys) == "2 passed, 2 failed, 0 skipped"


def test_what_runs_beside_something_is_counted_whatever_the_other_does() -> None:
    outcome = Outcome("a")
    with pytest.raises(PartCannotRun, match="a thing"):
        beside(in_order(passing, failing), missing, passing)(outcome)
    assert (outcome.passed, outcome.failed) == (2, 1)


def test_nothing_run_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert write_summary([], strict=False) == 1


@pytest.mark.parametrize(
    ("output", "status", "expected"),
    [
        ("Ran 2 test suites in 1s: 47 tests passed, 0 failed, 0 skipped (47 total tests)", 0, (47, 0, 0)),
        ("Ran 2 test suites in 1s: 46 tests passed, 1 failed, 2 skipped (49 total tests)", 1, (46, 1, 2)),
        ("Ran 1 test suite in 1s: 1 tests passed, 0 failed, 0 skipped (1 total tests)", 1, (1, 1, 0)),
        ("5 tests passed, 0 failed, 0 skipped\n…\n4 tests passed, 1 failed, 0 skipped", 1, (9, 1, 0)),
        ("No tests found in project!", 0, (0, 1, 0)),
        ("Error: compiler run failed", 1, (0, 1, 0)),
    ],
)
def test_forge_is_counted_by_its_closing_line(output: str, status: int, expected: tuple[int, int, int]) -> None:
    outcome = Outcome("contracts")
    outcome.add_forge(output, status)
    assert (outcome.passed, outcome.failed, outcome.skipped) == expected


SUITE = """
import pytest
def test_passes(): pass
def test_fails(): assert False
def test_skips(): pytest.skip("MISSING: a moon")
@pytest.mark.xfail(strict=True)
def test_is_expected_to_fail(): assert False
@pytest.fixture
def broken(): raise OSError("no")
def test_errs(broken): pass
"""
SKIPPED_MODULE = 'import pytest\npytest.skip("MISSING: a sun", allow_module_level=True)\n'


@pytest.mark.parametrize(
    ("strict", "expected"),
    [(False, (2, 2, 2)), (True, (2, 4, 0))],
)
def test_pytest_is_counted_by_its_report_and_skips_fail_under_ci(
    pytester: pytest.Pytester, strict: bool, expected: tuple[int, int, int]
) -> None:
    plugin = Path(__file__).parents[2] / "support" / "no_silent_skips.py"
    pytester.makepyfile(conftest=plugin.read_text(), test_suite=SUITE, test_module=SKIPPED_MODULE)
    report = pytester.path / "report.xml"
    command = [sys.executable, "-m", "pytest", *PYTEST_OPTIONS, "-p", "no:cacheprovider", f"--junitxml={report}"]
    environment = {"CI": "true" if strict else "", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=environment, cwd=pytester.path, capture_output=True, check=False)
    outcome = Outcome("unit")
    outcome.add_pytest(report, done.returncode)
    assert (outcome.passed, outcome.failed, outcome.skipped) == expected
    assert any("MISSING: a moon" in reason for reason in outcome.did_not_run) is not strict


@pytest.fixture(params=["foreground", "background"])
def started_in(request: pytest.FixtureRequest) -> Iterator[str]:
    """Stand where a shell starts its commands: with `&`, and without job control, they ignore SIGINT."""
    inherited = signal.default_int_handler if request.param == "foreground" else signal.SIG_IGN
    before = signal.signal(signal.SIGINT, inherited)
    yield request.param
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("started_in")
def test_a_test_that_hangs_is_interrupted_and_counted(pytester: pytest.Pytester) -> None:
    begun, report = pytester.path / "begun", pytester.path / "report.xml"
    hanging = f"import pathlib, time\n    pathlib.Path({str(begun)!r}).touch()\n    time.sleep(600)\n"
    suite = pytester.makepyfile(test_hangs=f"def test_passes(): pass\ndef test_hangs():\n    {hanging}")
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={pytester.path}", f"--junitxml={report}"]
    # On a busy machine the first limits may be over before the test has begun, which would prove nothing.
    for limit_seconds in (3.0, 12.0, 48.0):
        status = run_for_a_while([sys.executable, "-m", "pytest", *options, str(suite)], limit_seconds)
        if begun.exists():
            break
    outcome = Outcome("unit")
    outcome.add_pytest(report, status)
    assert begun.exists()
    assert (outcome.passed, outcome.failed) == (1, 1)


def test_a_pytest_run_that_left_no_report_is_a_failure(tmp_path: Path) -> None:
    outcome = Outcome("unit")
    outcome.add_pytest(tmp_path / "absent.xml", 4)
    assert (outcome.passed, outcome.failed) == (0, 1)

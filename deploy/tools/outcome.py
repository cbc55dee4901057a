"""What became of each part of the test command, and the lines that close it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

FORGE_CLOSING_LINE = re.compile(r"(\d+) tests? passed, (\d+) failed, (\d+) skipped")


@dataclass
class Outcome:
    """Counts of one part; `did_not_run` holds the reasons for which something of it was left out."""

    name: str
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    did_not_run: list[str] = field(default_factory=list)

    def skip(self, reason: str, count: int = 1) -> None:
        """Count something that did not run, and remember why."""
        self.skipped += count
        self.did_not_run.append(reason)

    def add(self, other: Outcome) -> None:
        """Count what another outcome counted."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.did_not_run += other.did_not_run

    def add_check(self, succeeded: bool) -> None:
        """Count a command that says only yes or no."""
        self.passed += succeeded
        self.failed += not succeeded

    def add_pytest(self, report: Path, status: int) -> None:
        """Count a pytest run from its JUnit file; one that ended badly without a failing test is a failure as well."""
        failed_before = self.failed
        if report.exists():
            for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - pytest has just written it
                self._add_case(case)
        if status and self.failed == failed_before:
            self.failed += 1

    def add_forge(self, output: str, status: int) -> None:
        """Count forge runs from the lines that close them: there is one for each profile."""
        runs = FORGE_CLOSING_LINE.findall(output)
        passed, failed, skipped = (sum(int(run[column]) for run in runs) for column in range(3))
        self.passed += passed
        self.failed += failed
        if skipped:
            self.skip(f"{skipped} tests that forge skipped, named above", skipped)
        # Success means that tests ran: a forge that found none has proved nothing.
        if not failed and (status or not passed):
            self.failed += 1

    def _add_case(self, case: ET.Element) -> None:
        skipped = case.find("skipped")
        # The test that an interrupt ended is in pytest's report without a name or a result.
        interrupted = case.get("name") is None
        if interrupted or case.find("failure") is not None or case.find("error") is not None:
            self.failed += 1
        elif skipped is None or skipped.get("type") == "pytest.xfail":
            self.passed += 1
        else:
            name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
            self.skip(f"{name}: {skipped.get('message', 'no reason given')}")


def write_summary(outcomes: list[Outcome], strict: bool) -> int:
    """Print the closing summary and return the exit status; `strict` makes a failure of all that did not run."""
    print(f"\n{'part':<14}{'passed':>8}{'failed':>8}{'skipped':>9}{'seconds':>10}")
    for outcome in outcomes:
        counts = f"{outcome.passed:>8}{outcome.failed:>8}{outcome.skipped:>9}{outcome.seconds:>10.1f}"
        print(f"{outcome.name:<14}{counts}{'' if outcome.passed or outcome.failed else '   did not run'}")
    missing = [(outcome.name, reason) for outcome in outcomes for reason in outcome.did_not_run]
    print(f"\nDid not run: {len(missing) or 'nothing, every part ran in full'}")
    for name, reason in missing:
        print(f"  {name}: {reason}")
    passed = sum(outcome.passed for outcome in outcomes)
    failed = sum(outcome.failed for outcome in outcomes)
    skipped = sum(outcome.skipped for outcome in outcomes)
    if strict and skipped:
        print("Under CI what did not run is a failure.")
        failed, skipped = failed + skipped, 0
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed or not passed else 0

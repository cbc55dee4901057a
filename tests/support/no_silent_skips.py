"""Under CI a skipped test is a failed one: whatever it wanted should have been there.

Elsewhere a skip stands in the closing summary with its reason, which begins with `MISSING:`.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest


def _is_strict() -> bool:
    return os.environ.get("CI") == "true" or os.environ.get("EARNEST_CI") == "1"


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    # An expected failure is reported as skipped too, and is none.
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"did not run, and under CI that is a failure: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if _is_strict():
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if _is_strict():
        _refuse_skip(report)
    return report

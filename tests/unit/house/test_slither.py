"""What the static analysis makes of slither's report: nothing in our sources passes without a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deploy.tools.slither import Finding, read_findings, unexplained

CONTRACTS = Path("/contracts")


def report(*detectors: dict[str, Any]) -> dict[str, Any]:
    return {"success": True, "results": {"detectors": list(detectors)}}


def test_a_finding_names_its_first_line() -> None:
    place = {"source_mapping": {"filename_relative": "src/Escrow.sol", "lines": [14, 12, 13]}}
    result = {"check": "tx-origin", "impact": "Medium", "description": "asks\n\tthe origin\n", "elements": [{}, place]}
    finding = Finding("tx-origin", "Medium", "src/Escrow.sol:12", "asks the origin")
    assert read_findings(report(result), CONTRACTS) == [finding]
    assert str(finding) == "src/Escrow.sol:12: tx-origin (Medium): asks the origin"


def test_a_switch_that_switches_nothing_off_is_a_finding_in_our_sources_only() -> None:
    ours = {"file": "/contracts/src/Escrow.sol", "line": 7, "unused_detectors": ["timestamp"]}
    theirs = {**ours, "file": "/contracts/node_modules/a/src/Escrow.sol"}
    unused = {"check": "unused-ignore-directive", "impact": "Informational", "elements": []}
    found = read_findings(report({**unused, "description": "", "unused_ignores": [ours, theirs, ours]}), CONTRACTS)
    assert [finding.where for finding in found] == ["src/Escrow.sol:7"]
    assert "timestamp" in found[0].what


def test_no_detectors_mean_no_findings() -> None:
    assert read_findings({"success": True, "results": {}}, CONTRACTS) == []


def test_a_detector_that_is_off_everywhere_needs_its_reason() -> None:
    config = {"detectors_to_exclude": "assembly,timestamp", "why_excluded": {"timestamp": "by design", "assembly": " "}}
    assert [(finding.detector, finding.what) for finding in unexplained(config)] == [
        ("assembly", "is off without a reason")
    ]
    assert [finding.what for finding in unexplained({"why_excluded": {"assembly": "why"}})] == [
        "has a reason to be off, and is on"
    ]
    assert unexplained({}) == []

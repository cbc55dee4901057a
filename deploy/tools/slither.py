"""Static analysis of the contract: `python -m deploy.tools.slither`, a part of the test command.

Every finding in `contracts/src` fails. It is mended, or switched off where it stands, with the reason:

    // What fell short by nothing was not paid: equality is the very question.
    // slither-disable-next-line incorrect-equality

A switch that no longer switches anything off fails too. What is off everywhere stands in
`contracts/slither.config.json`, where each detector needs its reason under `why_excluded`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.tools.node import CONTRACTS
from deploy.tools.proofs import set_up_proofs
from deploy.tools.setup import ROOT, SetupFailed

CONFIG = "slither.config.json"


class SlitherFailed(Exception):
    """Slither came to no verdict; the message ends with what it said."""


@dataclass(frozen=True)
class Finding:
    """One thing that slither objects to; `where` is `src/File.sol:12`, empty where it names no place."""

    detector: str
    impact: str
    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where or 'no place'}: {self.detector} ({self.impact}): {self.what}"


def analyse(environment: dict[str, str], contracts: Path = CONTRACTS) -> list[Finding]:
    """Run slither over a Foundry project and return its findings, unexplained exclusions among them.

    Raises:
        SlitherFailed: if the sources do not compile, or slither gives up.
    """
    (ROOT / ".cache").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="slither-", dir=ROOT / ".cache") as scratch:
        # Left to itself slither would clean and fill the folder of the tests' build.
        out, report = Path(scratch) / "out", Path(scratch) / "report.json"
        build = ("forge", "build", "src", "--build-info", "--force", "--out", out, "--cache-path", f"{scratch}/cache")
        said, succeeded = _run(build, contracts, environment)
        if not succeeded:
            raise SlitherFailed(f"the sources do not compile:\n{said}")
        slither = ("slither", ".", "--ignore-compile", "--foundry-out-directory", out, "--disable-color")
        said, _ = _run((*slither, "--json", report), contracts, environment)
        answer = json.loads(report.read_text()) if report.exists() else {"success": False}
    if not answer["success"]:
        raise SlitherFailed(f"slither came to no verdict:\n{said}")
    return read_findings(answer, contracts) + unexplained(json.loads((contracts / CONFIG).read_text()))


def _run(command: tuple[str | Path, ...], contracts: Path, environment: dict[str, str]) -> tuple[str, bool]:
    """Run a program on the sources of `contracts`; return the end of what it said, and whether it succeeded."""
    # The `forge` of a project builds the project that it lies in.
    path = f"{contracts / 'tools'}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        cwd=contracts,
        env={**environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.stdout[-4000:], done.returncode == 0


def read_findings(answer: dict[str, Any], contracts: Path) -> list[Finding]:
    """Return what slither's JSON report holds, in the order of files and lines."""
    found: list[Finding] = []
    for result in answer["results"].get("detectors", []):
        for unused in result.get("unused_ignores", []):
            # The libraries' own switches are not ours to mend.
            if Path(unused["file"]).is_relative_to(contracts / "src"):
                where = f"{Path(unused['file']).relative_to(contracts)}:{unused['line']}"
                what = f"switches off {', '.join(unused['unused_detectors'])}, which finds nothing there"
                found.append(Finding(result["check"], result["impact"], where, what))
        if "unused_ignores" not in result:
            found.append(Finding(result["check"], result["impact"], _where(result), _what(result)))
    return sorted(set(found), key=lambda finding: (finding.where, finding.detector))


def unexplained(config: dict[str, Any]) -> list[Finding]:
    """Return a finding for each detector that is off everywhere without a reason, or explained without being off."""
    off = {name for name in config.get("detectors_to_exclude", "").split(",") if name}
    explained = {name for name, why in config.get("why_excluded", {}).items() if why.strip()}
    where = f"{CONFIG}:1"
    return [Finding(name, "House", where, "is off without a reason") for name in sorted(off - explained)] + [
        Finding(name, "House", where, "has a reason to be off, and is on") for name in sorted(explained - off)
    ]


def _where(result: dict[str, Any]) -> str:
    for element in result["elements"]:
        mapping = element.get("source_mapping", {})
        if mapping.get("lines"):
            return f"{mapping['filename_relative']}:{min(mapping['lines'])}"
    return ""


def _what(result: dict[str, Any]) -> str:
    return " ".join(result["description"].split())


def main() -> int:
    contracts = Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else CONTRACTS
    try:
        findings = analyse(set_up_proofs("slither"), contracts)
    except (SetupFailed, SlitherFailed) as problem:
        print(f"slither: {problem}", file=sys.stderr)
        return 1
    for finding in findings:
        print(finding)
    print(f"slither: {len(findings) or 'no'} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

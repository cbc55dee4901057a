"""Results kept between runs, one JSON line each, so that a run that was stopped goes on where it was.

A result holds as long as the sources, the tests and the tools are what they were.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from threading import Lock

from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.trial import Result, Verdict

# What the verdicts depend on besides the mutant, within `contracts/`.
DEPENDS_ON = ("src", "test", "foundry.toml", "package-lock.json", "tools")


def state_of(contracts: Path) -> str:
    """Return a hash of everything that decides verdicts: sources, tests, settings and the pinned tools."""
    digest = hashlib.sha256()
    for name in DEPENDS_ON:
        path = contracts / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                digest.update(f"{file.relative_to(contracts)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:24]


class Results:
    """The results in a file, for one state of sources and tests."""

    def __init__(self, path: Path, state: str) -> None:
        self._path, self._state, self._lock = path, state, Lock()
        self._known: dict[str, Result] = {}
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines:
            self._read(line)

    def _read(self, line: str) -> None:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:  # the last line of a run that was killed while it wrote
            return
        if row["state"] == self._state:
            self._known[row["mutant"]] = Result(Verdict(row["verdict"]), row["because"])

    def known(self, mutant: Mutant) -> Result | None:
        return self._known.get(mutant.fingerprint)

    def add(self, mutant: Mutant, result: Result) -> None:
        row = {
            "state": self._state,
            "mutant": mutant.fingerprint,
            "function": mutant.function,
            "change": str(mutant.change),
            "verdict": result.verdict,
            "because": result.because,
        }
        with self._lock:
            self._known[mutant.fingerprint] = result
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(json.dumps(row) + "\n")

"""Results kept between runs, one JSON line each, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Lock

from deploy.tools.mutants.ground import Ground
from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.trial import Result, Verdict


class Results:
    """Those results in a file that still hold, on the ground as it is now."""

    def __init__(self, path: Path, ground: Ground) -> None:
        self._path, self._ground, self._lock = path, ground, Lock()
        self._known: dict[str, Result] = {}
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines:
            self._read(line)

    def _read(self, line: str) -> None:
        try:
            row = json.loads(line)
        except json.JSONDecodeError:  # the last line of a run that was killed while it wrote
            return
        result = Result(Verdict(row["verdict"]), row["because"])
        if row.get("rests_on") == self._ground.of(result):
            self._known[row["mutant"]] = result

    def known(self, mutant: Mutant) -> Result | None:
        return self._known.get(mutant.fingerprint)

    def add(self, mutant: Mutant, result: Result) -> None:
        row = {
            "rests_on": self._ground.of(result),
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

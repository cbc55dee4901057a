"""What verdicts rest on: the files that decide them. A verdict holds as long as those are what they were."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.tools.mutants.trial import Result, Verdict
from deploy.tools.mutants.workplace import TIMEOUT

# Within `contracts/`: sources, settings and the pinned tools, any of which may be part of what a mutant does.
PROGRAM = ("src", "foundry.toml", "package-lock.json", "tools")
TESTS = "test"
IMPORTED = re.compile(r"""^\s*(?:import|}\s*from)\b[^;]*?"(\.{1,2}/[^"]+)"\s*;""", re.M)


@dataclass(frozen=True)
class Ground:
    """The files of a project in one state, as hashes by their paths."""

    hashes: Mapping[str, str]
    imports: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Which files of the tests each of them names in an import."""

    def of(self, result: Result) -> str:
        """Return a hash of what a verdict rests on.

        What the compiler alone says rests on the program; that a test fails, on that test's file and on all that it
        imports as well; that no test does, or that they took too long, on everything.
        """
        if result.verdict in (Verdict.INVALID, Verdict.SAME):
            return self._without(lambda file: file.startswith(f"{TESTS}/"))
        if result.verdict is Verdict.KILLED and result.because != TIMEOUT:
            needed = self._imported_by(result.because.partition(":")[0])
            return self._without(lambda file: file.startswith(f"{TESTS}/") and file not in needed)
        return self._without(lambda _: False)

    def _imported_by(self, test: str) -> set[str]:
        """Return a file of tests with all that it imports, and what that imports, and so on."""
        found: set[str] = set()
        new = {test}
        while new:
            found |= new
            new = {each for file in new for each in self.imports.get(file, ())} - found
        return found

    def _without(self, is_idle: Callable[[str], bool]) -> str:
        kept = [f"{file} {digest}\n" for file, digest in sorted(self.hashes.items()) if not is_idle(file)]
        return hashlib.sha256("".join(kept).encode()).hexdigest()[:24]


def ground_of(contracts: Path) -> Ground:
    """Return the state in which a project's files are now."""
    places = [contracts / name for name in (*PROGRAM, TESTS)]
    files = [file for place in places for file in [place, *place.rglob("*")] if file.is_file()]
    bodies = {file.relative_to(contracts).as_posix(): file.read_bytes() for file in files}
    return Ground(
        {name: hashlib.sha256(body).hexdigest() for name, body in bodies.items()},
        {name: _imports(name, body) for name, body in bodies.items() if name.startswith(f"{TESTS}/")},
    )


def _imports(name: str, body: bytes) -> frozenset[str]:
    folder = posixpath.dirname(name)
    return frozenset(posixpath.normpath(f"{folder}/{path}") for path in IMPORTED.findall(body.decode()))

"""What verdicts rest on: the files that decide them. A verdict holds as long as those are what they were."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.tools.mutants.trial import Result, Verdict
from deploy.tools.mutants.workplace import TIMEOUT

# Within `contracts/`: sources, settings and the pinned tools, any of which may be part of what a mutant does.
PROGRAM = ("src", "foundry.toml", "package-lock.json", "tools")
TESTS = "test"
# A file of tests, as opposed to what such files import; none imports another.
TEST_FILE = ".t.sol"


@dataclass(frozen=True)
class Ground:
    """The files of a project in one state, as hashes by their paths."""

    hashes: dict[str, str]

    def of(self, result: Result) -> str:
        """Return a hash of what a verdict rests on.

        What the compiler alone says rests on the program; that a test fails, on that test's file and on all that it may
        import as well; that no test does, or that they took too long, on everything.
        """
        if result.verdict in (Verdict.INVALID, Verdict.SAME):
            return self._without(lambda file: file.startswith(f"{TESTS}/"))
        if result.verdict is Verdict.KILLED and result.because != TIMEOUT:
            killer = result.because.partition(":")[0]
            return self._without(lambda file: file.endswith(TEST_FILE) and file != killer)
        return self._without(lambda _: False)

    def _without(self, is_idle: Callable[[str], bool]) -> str:
        kept = [f"{file} {digest}\n" for file, digest in sorted(self.hashes.items()) if not is_idle(file)]
        return hashlib.sha256("".join(kept).encode()).hexdigest()[:24]


def ground_of(contracts: Path) -> Ground:
    """Return the state in which a project's files are now."""
    places = [contracts / name for name in (*PROGRAM, TESTS)]
    files = [file for place in places for file in [place, *place.rglob("*")] if file.is_file()]
    return Ground({f.relative_to(contracts).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files})

"""Copies of the contract's project in which the Forge suite is run against one mutant after another.

A copy is built once. Its tests deploy contracts by name (`dynamic_test_linking`), so that a mutant's bytes are put into
the built artifacts, and nothing is compiled but the mutant itself. Tests that carry a source within them do not see
that; whatever survives is therefore tried again with its source changed and everything compiled by forge.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deploy.tools.mutants.compiler import Codes

ARTIFACTS = "service/earnest/escrow/artifacts"
COPIED = ("src", "test", "tools", "foundry.toml", "package-lock.json")
# Few runs find nearly everything, and what they leave is tried again with the project's own numbers.
FEW_RUNS = {"FOUNDRY_FUZZ_RUNS": "12", "FOUNDRY_INVARIANT_RUNS": "6", "FOUNDRY_INVARIANT_DEPTH": "40"}
TIMEOUT = "timeout"
# A mutant that runs this many times as long as the sources do never ends for all that matters.
TIMES_AS_LONG = 10
SHORTEST_LIMIT_SECONDS = 30.0
# A file of tests that takes longer is tried after all the others.
SLOW_SECONDS = 0.2

SUITE = re.compile(r"^Ran \d+ tests? for (\S+?):\w+\n(?:.*\n)*?Suite result: .* finished in ([\d.]+)(ms|µs|s)", re.M)
# Between a failure and its test's name stands the reason, and after it an invariant's whole sequence of calls.
FAILING = re.compile(
    r"^Encountered \d+ failing tests? in (\S+?):\w+\n\[FAIL.*?\b(\w+)\(\S*\) \((?:gas|runs):", re.M | re.S
)


class SuiteBroken(Exception):
    """The suite fails on the sources as they are, or forge itself does; the message ends with what it said."""


@dataclass(frozen=True)
class Run:
    """One run of the suite: who failed, or nobody."""

    failing: str = ""
    """The first failing test, as `test/Fund.t.sol:test_name`; `timeout` where the suite did not end."""
    slow: tuple[str, ...] = ()
    """The files of tests that took long, and so come last."""
    seconds: float = 0.0


class Workplace:
    """One copy of `contracts/` in a folder of its own, built for tests."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.contracts = folder / "contracts"
        self._environment = environment
        self.limit_seconds = 600.0

    def fill(self, project: Path) -> None:
        """Copy the sources and tests of a project in; what is built already stays."""
        self.contracts.mkdir(parents=True, exist_ok=True)
        for name in COPIED:
            _replace(project / name, self.contracts / name)
        _replace(project.parent / ARTIFACTS, self.contracts.parent / ARTIFACTS)
        modules = self.contracts / "node_modules"
        if not modules.is_symlink():
            modules.symlink_to((project / "node_modules").resolve())

    def put_codes(self, codes: Codes) -> None:
        """Put a mutant's bytes into the built artifacts."""
        for (file, name), code in codes.items():
            path = self._artifact(file, name)
            artifact = json.loads(path.read_text())
            artifact["bytecode"]["object"] = f"0x{code.creation}"
            artifact["deployedBytecode"]["object"] = f"0x{code.runtime}"
            path.write_text(json.dumps(artifact))

    def built_code(self, file: str, name: str) -> str:
        """Return the bytes that forge itself has built, to compare with."""
        code: str = json.loads(self._artifact(file, name).read_text())["bytecode"]["object"]
        return code.removeprefix("0x")

    def _artifact(self, file: str, name: str) -> Path:
        return self.contracts / "out" / Path(file).name / f"{name}.json"

    def drop_tests(self, which: Callable[[str], bool]) -> None:
        """Take away the files of tests that `which` names by their path, as `test/Fund.t.sol`.

        Forge has filters for this, with which it first compiles everything once more to see what there is.
        """
        for path in self.contracts.glob("test/**/*.t.sol"):
            if which(path.relative_to(self.contracts).as_posix()):
                path.unlink()

    def test(self, few_runs: bool = True) -> Run:
        """Run the suite up to its first failure.

        Raises:
            SuiteBroken: if forge fails without naming a failing test.
        """
        for name in ("fuzz", "invariant"):  # a mutant's failures would be tried on the next one
            shutil.rmtree(self.contracts / "cache" / name, ignore_errors=True)
        command = [str(self.contracts / "tools" / "forge"), "test", "--threads", "1", "--fail-fast"]
        try:
            done = subprocess.run(
                command,
                cwd=self.contracts,
                env=self._environment | (FEW_RUNS if few_runs else {}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=self.limit_seconds,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Run(failing=TIMEOUT)
        if failing := failing_test(done.stdout):
            return Run(failing=failing)
        suites = [(file, _seconds(amount, unit)) for file, amount, unit in SUITE.findall(done.stdout)]
        if done.returncode or not suites:
            raise SuiteBroken(f"forge ended without a verdict:\n{done.stdout[-3000:]}")
        slow = {file for file, seconds in suites if seconds > SLOW_SECONDS}
        return Run(slow=tuple(sorted(slow)), seconds=sum(seconds for _, seconds in suites))


def failing_test(said: str) -> str:
    """Return the first failing test in what forge said, as `test/Fund.t.sol:test_name`; empty where none failed."""
    failing = FAILING.search(said)
    return f"{failing[1]}:{failing[2]}" if failing else ""


def copy_built(built: Workplace, folder: Path) -> Workplace:
    """Return another workplace in `folder`, with everything that was built in the first."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(built.contracts.parent, folder, symlinks=True)
    copy = Workplace(folder, built._environment)
    copy.limit_seconds = built.limit_seconds
    return copy


def _replace(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copy(source, target)
        return
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


def _seconds(amount: str, unit: str) -> float:
    return float(amount) * {"s": 1.0, "ms": 1e-3, "µs": 1e-6}[unit]

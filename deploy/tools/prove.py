"""The symbolic proofs of `contracts/test/symbolic`, by halmos: `make prove`.

What stands in `contracts/halmos.toml` holds for every proof. Contracts named `…Proof` are proven, one function
`check_…` after another; `ARGS="--function check_fund"` takes those alone that begin so, `--contract` those of one
contract, and any other option goes on to halmos. The proofs are built apart from the tests: with the optimizer, without
which there are more paths to walk, and with the contracts' code in them, since halmos knows nothing of
`dynamic_test_linking`.

What is undecided fails the command, unless `docs/proofs.md` lists it so. The proofs of pure arithmetic are given to
cvc5; see `contracts/test/symbolic/integers.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass

from deploy.tools.node import CONTRACTS
from deploy.tools.proofs import PROOFS, set_up_proofs
from deploy.tools.setup import ROOT, SetupFailed

BUILD = ROOT / ".cache" / "halmos"
PAGE = ROOT / "docs" / "proofs.md"
FOUNDRY = {
    "FOUNDRY_SRC": "test/symbolic",
    "FOUNDRY_TEST": "test/symbolic",
    "FOUNDRY_OUT": str(BUILD / "out"),
    "FOUNDRY_CACHE_PATH": str(BUILD / "cache"),
    "FOUNDRY_OPTIMIZER": "true",
    "FOUNDRY_DYNAMIC_TEST_LINKING": "false",
    # So that halmos speaks line by line, as it goes, and breaks none of them.
    "PYTHONUNBUFFERED": "1",
    "COLUMNS": "1000",
}
# The build that halmos asks for, so that its own finds nothing to do.
FORGE_BUILD = ("forge", "build", "--ast", "--extra-output", "storageLayout", "metadata", "--quiet")
ARITHMETIC = "FeeProof"
CVC5 = f"{PROOFS / 'bin' / 'python'} {CONTRACTS / 'test' / 'symbolic' / 'integers.py'} 10"
# The slowest one needs a fifth of it on a core of its own; what takes longer is undecided.
SECONDS_PER_CHECK = 600
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
RESULT = re.compile(r"^\[(PASS|FAIL|TIMEOUT|ERROR)\] (check_\w+)\(.*\(paths: (\d+), time: ([\d.]+)s")
# Halmos calls it a success if a loop was left before its end.
INCOMPLETE = re.compile(r"(check_\w+)\(.*(?:not been fully explored|incomplete execution)")
NOISE = re.compile(r"^(Running \d+ tests|Symbolic test result|No files changed|\s*$)")
LISTED = re.compile(r"^- `(\w+Proof\.check_\w+)`: undecided", re.MULTILINE)
PROVEN, REFUTED, UNDECIDED, BROKEN = "proven", "REFUTED", "undecided", "BROKEN"
VERDICTS = {"PASS": PROVEN, "FAIL": REFUTED, "TIMEOUT": UNDECIDED, "ERROR": BROKEN}


@dataclass
class Progress:
    """What became of each check, by `Contract.check_function`."""

    total: int
    verdicts: dict[str, str]

    def add(self, name: str, verdict: str, details: str) -> None:
        """Write a verdict down and say so; a second one of the same check takes the first one's place."""
        self.verdicts[name] = verdict
        print(f"[{len(self.verdicts):>2}/{self.total}] {verdict:<9} {name}  {details}", flush=True)


def prove(contract: str | None, function: str, options: list[str]) -> int:
    """Prove what was asked for, contract by contract, and return 0 if nothing went otherwise than the page says.

    Raises:
        SetupFailed: if the tools are missing or the proofs do not compile.
    """
    started = time.monotonic()
    env = set_up_proofs("proofs") | FOUNDRY
    if subprocess.run(FORGE_BUILD, cwd=CONTRACTS, env=env, stdin=subprocess.DEVNULL, check=False).returncode:
        raise SetupFailed("the proofs do not compile; what forge said stands above")
    wanted = {
        name: [check for check in checks if check.startswith(function)]
        for name, checks in _checks().items()
        if contract in (None, name)
    }
    progress = Progress(sum(map(len, wanted.values())), {})
    for name, checks in wanted.items():
        left = checks
        while left:
            left = _prove_contract(name, left, options, env, progress)
    return _close(progress, time.monotonic() - started)


def _checks() -> dict[str, list[str]]:
    """The check functions of each contract, in the order in which halmos takes them."""
    found: dict[str, list[str]] = {}
    for artifact in sorted((BUILD / "out").glob("*.t.sol/*Proof.json")):
        signatures = json.loads(artifact.read_text())["methodIdentifiers"]
        source = CONTRACTS / "test" / "symbolic" / artifact.parent.name
        # Forge leaves the artifacts of what is gone.
        if source.exists() and f"contract {artifact.stem} is " in source.read_text().replace(" {", " is "):
            found[artifact.stem] = [one.split("(")[0] for one in signatures if one.startswith("check_")]
    return found


def _prove_contract(
    contract: str, checks: list[str], options: list[str], env: dict[str, str], progress: Progress
) -> list[str]:
    """Prove these checks of one contract until one of them takes too long; return those that are still to do."""
    pattern = f"^({'|'.join(checks)})\\("
    command = ["halmos", "--root", str(CONTRACTS), "--forge-build-out", str(BUILD / "out"), "--no-status"]
    if contract == ARITHMETIC:
        options = ["--solver-command", CVC5, *options]
    process = subprocess.Popen(
        [*command, "--contract", contract, "--match-test", pattern, *options],
        cwd=CONTRACTS,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    left = list(checks)
    alarm = _Alarm(process)
    alarm.set()
    try:
        for line in process.stdout:
            plain = COLOUR.sub("", line)
            if result := RESULT.search(plain):
                alarm.set()
                verdict, check, paths, seconds = result.groups()
                left.remove(check)
                progress.add(f"{contract}.{check}", VERDICTS[verdict], f"{float(seconds):.1f} s, {paths} paths")
                continue
            if incomplete := INCOMPLETE.search(plain):
                progress.add(f"{contract}.{incomplete[1]}", UNDECIDED, "not all paths were walked")
            if not NOISE.search(plain):
                print(line, end="", flush=True)
        process.wait()
    finally:
        alarm.end()
    if alarm.rang and left:
        progress.add(f"{contract}.{left.pop(0)}", UNDECIDED, f"after {SECONDS_PER_CHECK} s")
        return left
    for check in left:
        progress.add(f"{contract}.{check}", BROKEN, "halmos ended without a word of it")
    return []


class _Alarm:
    """Ends a process that does not speak of a result for too long."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.rang = False
        self._process = process
        self._timer = threading.Timer(0, lambda: None)

    def set(self) -> None:
        """Start the time anew."""
        self._timer.cancel()
        self._timer = threading.Timer(SECONDS_PER_CHECK, self._ring)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """Leave nothing behind, whatever happened."""
        self._timer.cancel()
        if self._process.poll() is None:
            # Halmos does not always heed a polite word, and its solver is a process of its own.
            os.killpg(self._process.pid, signal.SIGKILL)

    def _ring(self) -> None:
        self.rang = True
        self.end()


def _close(progress: Progress, seconds: float) -> int:
    """Say the sums, and compare what is undecided with what the page says."""
    verdicts = progress.verdicts
    listed = set(LISTED.findall(PAGE.read_text()))
    unforeseen = [name for name, verdict in verdicts.items() if verdict == UNDECIDED and name not in listed]
    for name in unforeseen:
        print(f"{name} is undecided, and docs/proofs.md does not say so")
    sums = Counter(verdicts.values())
    print(", ".join(f"{sums[one]} {one}" for one in (PROVEN, UNDECIDED, REFUTED, BROKEN)) + f", in {seconds:.0f} s")
    return 0 if sums[PROVEN] and not (unforeseen or sums[REFUTED] or sums[BROKEN]) else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="make prove", description="symbolic proofs of the escrow, by halmos")
    parser.add_argument("--contract", help="only this contract")
    parser.add_argument("--function", default="check_", help="only functions that begin so")
    known, options = parser.parse_known_args()
    try:
        return prove(known.contract, known.function, options)
    except SetupFailed as problem:
        print(f"prove: {problem}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())

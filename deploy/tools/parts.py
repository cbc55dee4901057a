"""The parts of the test command, in about the order of their cost. To add a part, add a line to `PARTS`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.tools.browser import set_up_browser
from deploy.tools.node import CONTRACTS, set_up_node
from deploy.tools.outcome import Outcome
from deploy.tools.proofs import set_up_proofs
from deploy.tools.setup import ROOT, VENV
from deploy.tools.slither import SlitherFailed, analyse

# No part needs this long; without a limit one test that hangs would keep the closing lines from ever being written.
STEP_LIMIT_SECONDS = 15 * 60.0
CLEAN_UP_SECONDS = 60.0
# One file that cannot be collected must not hide what the others would say.
PYTEST_OPTIONS = ("-q", "--continue-on-collection-errors")
# Each worker takes the next test, or group of tests, in the order that a conftest gives them.
IN_ORDER = ("--dist=loadgroup", "--no-loadscope-reorder")
Step = Callable[[Outcome], None]


class PartCannotRun(Exception):
    """Something that a part needs is not there; the message says what."""


@dataclass(frozen=True)
class Part:
    """One line of the summary: a name, what it is, and the steps that add to its outcome."""

    name: str
    what: str
    steps: tuple[Step, ...]
    folders: tuple[str, ...] = ()
    """The folders of tests that it runs; a part without any takes seconds, and never waits for another to pass."""
    one_core: bool = False
    """Whether it keeps one core busy and leaves the others idle: such neighbours run at the same time."""


def under_ci() -> bool:
    return os.environ.get("CI") == "true" or os.environ.get("EARNEST_CI") == "1"


def tool(*command: str) -> Step:
    """Return a step that runs a program of `.venv`, which counts as one check."""

    def step(outcome: Outcome) -> None:
        done = subprocess.run([str(VENV / "bin" / command[0]), *command[1:]], cwd=ROOT, check=False)
        outcome.add_check(done.returncode == 0)

    return step


def benchmark(name: str) -> Step:
    """Return a step that makes a benchmark's short run."""
    return tool("python", "-m", f"tests.benchmarks.{name}", "--check")


def in_order(*steps: Step) -> Step:
    """Return a step that runs steps one after the other."""

    def step(outcome: Outcome) -> None:
        for each in steps:
            each(outcome)

    return step


def beside(*steps: Step) -> Step:
    """Return a step that runs steps at the same time: those that keep one core busy each, and none of pytest's."""

    def step(outcome: Outcome) -> None:
        outcomes = [Outcome(outcome.name) for _ in steps]
        with ThreadPoolExecutor(len(steps)) as pool:
            done = [pool.submit(each, into) for each, into in zip(steps, outcomes, strict=True)]
        for each in outcomes:
            outcome.add(each)
        for ended in done:
            ended.result()

    return step


def pytest(*folders: str, workers: int = 0, options: tuple[str, ...] = ()) -> Step:
    """Return a step that runs the tests of some folders, on so many workers (0: in one process)."""

    def step(outcome: Outcome) -> None:
        absent = [folder for folder in folders if not (ROOT / folder).is_dir()]
        if absent:
            raise PartCannotRun(f"MISSING: {', '.join(absent)}")
        with tempfile.TemporaryDirectory(prefix="earnest-check-") as scratch:
            report = Path(scratch) / "report.xml"
            command = [sys.executable, "-m", "pytest", *PYTEST_OPTIONS, f"--junitxml={report}", *folders]
            spread = ["-n", str(workers)] if workers else []
            status = run_for_a_while([*command, *spread, *options])
            outcome.add_pytest(report, status)

    return step


def run_for_a_while(command: list[str], limit_seconds: float = STEP_LIMIT_SECONDS) -> int:
    """Run tests and return their exit status; past the limit they are interrupted, which names where they hang."""
    with interruptible():
        started = subprocess.Popen(command, cwd=ROOT, env=environment())
    with started as process:
        try:
            return process.wait(limit_seconds)
        except subprocess.TimeoutExpired:
            print(f"interrupted after {limit_seconds:.0f} s", flush=True)
            process.send_signal(signal.SIGINT)
        try:
            return process.wait(CLEAN_UP_SECONDS) or 1
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait() or 1


@contextmanager
def interruptible() -> Iterator[None]:
    """Let programs that are started meanwhile heed SIGINT, which they would inherit as ignored behind a shell's `&`."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def forge(outcome: Outcome) -> None:
    """Run the contract's own tests through the script of `contracts/package.json`."""
    process = subprocess.Popen(
        ["npm", "test", "--silent"],  # noqa: S607 - found on the PATH made below
        cwd=CONTRACTS,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        print(line, end="", flush=True)
    outcome.add_forge("".join(lines), process.wait())


def slither(outcome: Outcome) -> None:
    """Analyse the contract's sources; every finding counts as a failure."""
    try:
        findings = analyse(set_up_proofs("slither"))
    except SlitherFailed as problem:
        print(problem, flush=True)
        outcome.failed += 1
        return
    for finding in findings:
        print(finding, flush=True)
    outcome.failed += len(findings)
    outcome.passed += not findings


def slither_set_up(_: Outcome) -> None:
    """Set up slither, before several workers of pytest want it at once; it counts nothing."""
    set_up_proofs("slither")


def node(_: Outcome) -> None:
    """Set up Node and the npm packages; it counts nothing."""
    path = f"{set_up_node()}{os.pathsep}{os.environ['PATH']}"
    os.environ["PATH"] = path


def browser(_: Outcome) -> None:
    """Set up Chromium and what examines the pages; it counts nothing."""
    set_up_browser()


def compiler(_: Outcome) -> None:
    """Let the compiler find out its version and remember it, before two programs ask at once; it counts nothing."""
    subprocess.run([str(CONTRACTS / "tools" / "solc"), "--version"], stdout=subprocess.DEVNULL, check=False)


def environment() -> dict[str, str]:
    """Return the environment of the tests: `.venv` first on the path, no settings of a developer's own Earnest."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EARNEST_") or "TEST" in name}
    kept["PATH"] = f"{VENV / 'bin'}{os.pathsep}{kept['PATH']}"
    if under_ci():
        kept["EARNEST_CI"] = "1"
    return kept


PARTS = (
    Part("format", "every file as `make format` writes it", (tool("ruff", "format", "--check", "--quiet", "."),)),
    Part("lint", "ruff's rules", (tool("ruff", "check", "--quiet", "."),)),
    Part("layers", "who may import whom", (tool("lint-imports", "--no-logo"),)),
    Part("types", "mypy, strict", (tool("mypy"),), one_core=True),
    Part("analysis", "slither, on the contract's sources", (slither,), one_core=True),
    Part(
        "unit",
        "pure rules and single rooms, no sockets",
        # npm's packages hold the library sources that the artifact's own hash is compared with.
        (node, pytest("tests/unit", workers=2)),
        ("tests/unit",),
    ),
    Part(
        "properties",
        "laws, by Hypothesis",
        # The escrow's laws need Solidity's compiler and the contracts of others.
        (node, pytest("tests/properties", workers=2)),
        ("tests/properties",),
    ),
    Part(
        "contracts",
        "the artifact's bytes and gas, forge, and the contract from Python",
        (
            node,
            compiler,
            # Forge compiles for a minute, and so does our own compiling: each on one core.
            beside(
                forge,
                in_order(
                    tool("earnest", "compile", "--check"), tool("python", "-m", "tests.benchmarks.gas", "--check")
                ),
            ),
            slither_set_up,
            pytest("tests/contracts", workers=2),
        ),
        ("tests/contracts",),
    ),
    Part(
        "integration",
        "rooms together, on SQLite and PostgreSQL, on eth-tester and anvil",
        # Each worker takes one half in order: a file's nodes, databases and fleets are started once, not twice.
        (node, pytest("tests/integration", workers=2, options=("--dist=worksteal",))),
        ("tests/integration",),
    ),
    Part(
        "acceptance",
        "a payment's whole life, as a user runs it",
        (node, pytest("tests/acceptance", workers=2, options=IN_ORDER)),
        ("tests/acceptance",),
    ),
    Part(
        "browser",
        "the pages in a real Chromium, with a wallet that signs",
        # npm's packages of the contract hold the true Permit2.
        (node, browser, pytest("tests/browser", workers=2)),
        ("tests/browser",),
    ),
    Part(
        "benchmarks",
        "the benchmarks' short runs, judged with room for a busy machine",
        (
            node,
            # These two are judged by CPU and by memory, where what runs beside them does not count; the others by time.
            beside(benchmark("backfill"), benchmark("backup")),
            benchmark("growth"),
            benchmark("live"),
        ),
        ("tests/benchmarks",),
    ),
    Part(
        "chaos",
        "the same life under kill -9, a short run",
        # Handed out by twos, the two longest would be one worker's.
        (node, pytest("tests/chaos", workers=2, options=IN_ORDER)),
        ("tests/chaos",),
    ),
)

"""Results of chaos, one line of JSON a run, so that runs can be resumed and add up."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".cache" / "chaos"
_ROOMS = ("payment", "chain", "escrow", "store", "mirror", "commands", "webhooks", "testing")
_SHARED = ("stories.py", "inprocess")
UNDER_TEST = {
    "stories": (
        *(f"service/earnest/{room}" for room in (*_ROOMS, "settings.py", "networks.toml", "localnet/artifacts")),
        *(f"tests/chaos/{each}" for each in _SHARED),
        *(f"tests/support/{each}.py" for each in ("evm", "evm_revm", "postgres", "postgres_process")),
    ),
    "processes": ("service/earnest", *(f"tests/chaos/{each}" for each in (*_SHARED, "processes")), "tests/support"),
}
"""What each kind of run runs."""
NOT_UNDER_TEST = ("service/earnest/web", "service/earnest/cli/demo")
"""The pages and the demo take no part in any."""
SUFFIXES = {".py", ".toml", ".json"}

Run = dict[str, Any]
"""What one run told: its `seed`, its `differences` (none: it is well), and counts by name."""


@cache
def code_hash(kind: str) -> str:
    """Return a hash of all that the outcome of such a run depends on: results of other code say nothing about this."""
    digest = hashlib.sha256()
    for path in sorted(_files(kind)):
        digest.update(f"{path.relative_to(ROOT)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _files(kind: str) -> Iterator[Path]:
    for place in UNDER_TEST[kind]:
        below = ROOT / place
        for path in [below] if below.is_file() else below.rglob("*"):
            is_left_out = any(path.is_relative_to(ROOT / each) for each in NOT_UNDER_TEST)
            if path.suffix in SUFFIXES and path.is_file() and not is_left_out:
                yield path


@dataclass(frozen=True)
class Results:
    """The runs of one kind (`stories`, `processes`) that were made with the present code."""

    kind: str

    @property
    def path(self) -> Path:
        return FOLDER / f"{self.kind}-{code_hash(self.kind)}.jsonl"

    def begin(self) -> None:
        """Forget what was run before with this code."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.path.write_text("")

    def add(self, run: Run) -> None:
        """Add a run; whole lines alone are ever written, so that a killed command loses one run at most."""
        FOLDER.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(run) + "\n")

    def runs(self) -> list[Run]:
        """Return all runs so far, the newest of each seed."""
        if not self.path.exists():
            return []
        by_seed = {run["seed"]: run for run in map(_parse, self.path.read_text().splitlines()) if run}
        return list(by_seed.values())


def work_off(results: Results, seeds: Iterable[int], tell: Callable[[Iterable[int]], Iterator[Run]]) -> list[Run]:
    """Tell the runs of all seeds that are not among the results yet, and return every run."""
    known = {run["seed"] for run in results.runs()}
    for run in tell([seed for seed in seeds if seed not in known]):
        results.add(run)
        for difference in run["differences"][:5]:
            print(f"seed {run['seed']}: {difference}", flush=True)
    return results.runs()


def summary(kind: str, runs: list[Run], replay: str) -> Iterator[str]:
    """Yield the closing lines; `replay` is the command that plays one seed again."""
    counts: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for run in runs:
        counts.update({name: value for name, value in run.items() if isinstance(value, int | float)})
        kinds.update(run.get("kinds", {}))
    failed = [run for run in runs if run["differences"]]
    del counts["seed"]
    seeds = sorted(run["seed"] for run in runs)
    told = f", seeds {', '.join(_ranges(seeds))}" if seeds else ""
    yield f"{len(runs):,} runs of {kind} done with this code ({code_hash(kind)}){told}"
    for name in sorted(counts):
        most = max(run.get(name, 0) for run in runs)
        yield f"  {name.replace('_', ' '):<16}{counts[name]:>12,.0f} in all, {most:,.6g} at most in one run"
    if kinds:
        yield "  by kind: " + ", ".join(f"{name} {count:,}" for name, count in sorted(kinds.items()))
    yield f"  differences     {sum(len(run['differences']) for run in failed):>12,} in {len(failed)} runs"
    for run in failed:
        yield f"  FAILED: {replay} {run['seed']}"


def _ranges(seeds: list[int]) -> Iterator[str]:
    """Yield what runs on without a gap as `first-last`."""
    first = 0
    for at, seed in enumerate(seeds):
        if at + 1 == len(seeds) or seeds[at + 1] != seed + 1:
            yield f"{seeds[first]}-{seed}" if first < at else f"{seed}"
            first = at + 1


def _parse(line: str) -> Run | None:
    try:
        run: Run = json.loads(line)
    except ValueError:
        return None  # the command was killed while it wrote
    return run

"""Shows that the contract's invariant tests can fail: each property, and no other, on an escrow that breaks just that.

`make broken`, or `python -m tests.mutation.broken [PROPERTY …]`, takes the breaks of `contracts/mutants/broken.txt` one
by one, in a scratch copy of the contract, and plays the tests of `contracts/test/invariants` on it, which takes about a
minute each. The exit status is 0 if every property failed on its own break alone.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.tools.mutants.blocks import BadList, Block, apply, read_blocks
from deploy.tools.mutants.sources import Source, source_texts
from deploy.tools.node import CONTRACTS, set_up_node

TESTS = "PropertiesTest|ExitTest"
# Between a failure and its name stands the sequence of calls.
VERDICT = re.compile(r"^\[(PASS|FAIL).*?\binvariant_(\w+)\(\) \(runs", re.MULTILINE | re.DOTALL)
# Enough for the rarest of the breaks to show with any seed that was tried; nothing is shrunk, since only names count.
SETTINGS = {
    "FOUNDRY_INVARIANT_RUNS": "8",
    "FOUNDRY_INVARIANT_DEPTH": "250",
    "FOUNDRY_INVARIANT_SHRINK_RUN_LIMIT": "0",
}


def read_breaks() -> dict[str, Block]:
    """Return the breaks by the names of the properties that have to fail.

    Raises:
        BadList: if the list cannot be read, or a property has two breaks.
    """
    blocks = read_blocks(CONTRACTS / "mutants" / "broken.txt")
    breaks = {block.text.partition(": ")[0]: block for block in blocks}
    if len(breaks) < len(blocks):
        raise BadList("broken.txt: a property has two breaks")
    return breaks


class BadRun(Exception):
    """Forge did not get as far as a verdict; the message is what it said."""


def scratch_copy(contracts: Path, folder: Path) -> Path:
    """Copy what the invariant tests need, so that nothing that others build is disturbed; return the copy."""
    copy = folder / "contracts"
    for part in ("src", "tools", "test/invariants", "test/support"):
        shutil.copytree(contracts / part, copy / part)
    shutil.copy(contracts / "foundry.toml", copy)
    (copy / "node_modules").symlink_to(contracts / "node_modules")
    return copy


def failing(copy: Path, environment: dict[str, str]) -> set[str]:
    """Return the names of the properties that fail in a copy.

    Raises:
        BadRun: if the copy does not compile, or nothing was played.
    """
    command = [str(copy / "tools" / "forge"), "test", "--threads", "1", "--match-contract", TESTS]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    verdicts = VERDICT.findall(done.stdout)
    if not verdicts:
        raise BadRun((done.stdout + done.stderr)[-2_000:])
    return {name for verdict, name in verdicts if verdict == "FAIL"}


def show(name: str, block: Block, copy: Path, environment: dict[str, str]) -> bool:
    """Break the copy, play, mend it, and print one line; return whether the named property failed alone."""
    what = block.text.partition(": ")[2]
    started = time.monotonic()
    sources = {file: Source(file, text, {"nodes": []}) for file, text in source_texts(copy).items()}
    mutant = apply(block, sources)
    place = copy / mutant.file
    place.write_text(mutant.mutated)
    try:
        failed = failing(copy, environment)
    finally:
        place.write_text(mutant.original)
    verdict = "fails alone" if failed == {name} else f"WRONG, failed: {', '.join(sorted(failed)) or 'nothing'}"
    print(f"{name:<14}{verdict:<14}{time.monotonic() - started:>6.0f} s  {what}", flush=True)
    return failed == {name}


def main() -> int:
    parser = argparse.ArgumentParser(prog="broken", description=__doc__)
    parser.add_argument("properties", nargs="*", help="only these (all)")
    parser.add_argument("--contracts", type=Path, default=CONTRACTS, help="another folder with the project's contracts")
    arguments = parser.parse_args()
    contracts = arguments.contracts.resolve()
    path = f"{set_up_node()}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, **SETTINGS}
    try:
        breaks = read_breaks()
        wanted = arguments.properties or list(breaks)
        if unknown := set(wanted) - set(breaks):
            raise BadList(f"broken.txt has no break of {', '.join(sorted(unknown))}")
        with tempfile.TemporaryDirectory(prefix="earnest-broken-") as folder:
            copy = scratch_copy(contracts, Path(folder))
            good = [show(name, breaks[name], copy, environment) for name in wanted]
    except (BadList, BadRun) as problem:
        print(f"broken: {problem}", file=sys.stderr)
        return 2
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The mutants that gambit makes: operators, conditions, assignments, arguments and statements changed by rule."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from pathlib import Path

from deploy.tools.mutants.mutant import Mutant
from deploy.tools.mutants.solidity import comparisons
from deploy.tools.mutants.sources import Source

ARITHMETIC = "BinaryOpMutation"
# It marks what it changed with a line of its own.
MARK = re.compile(r"^\s*/// \w+Mutation\(")
# It wants a syntax tree from a compiler whose command line npm's has not: this one hands it the tree that we have.
# Gambit calls it as `solc --ast-compact-json src/File.sol --output-dir FOLDER --overwrite …`.
HANDED_SOLC = """#!/bin/sh
mkdir -p "$4" && exec cp "$(dirname "$0")/$(basename "$2").tree" "$4/$(basename "$2")_json.ast"
"""


class NoGambit(Exception):
    """Gambit is not to be had here, or failed; the message says how."""


def gambit_program(proofs: Path) -> Path:
    """Return gambit's program, which lies in the package of another tool.

    Raises:
        NoGambit: where that package has none for this machine.
    """
    found = sorted(proofs.glob("lib/python*/site-packages/certora_bins/gambit*"))
    if not found:
        raise NoGambit(f"there is no gambit for this machine ({sys.platform}, {platform.machine()})")
    return found[0]


def gambit_mutants(program: Path, contracts: Path, sources: dict[str, Source], scratch: Path) -> list[Mutant]:
    """Return gambit's mutants of all sources.

    Raises:
        NoGambit: if it fails.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    solc = scratch / "solc"
    solc.write_text(HANDED_SOLC)
    solc.chmod(0o755)
    made: list[Mutant] = []
    for source in sources.values():
        (scratch / f"{Path(source.file).name}.tree").write_text(json.dumps(source.tree))
        out = scratch / source.file.replace("/", "-")
        options = ("--filename", source.file, "--sourceroot", ".", "--outdir", out, "--solc", solc, "--skip_validate")
        command = [str(part) for part in (program, "mutate", *options)]
        done = subprocess.run(command, cwd=contracts, capture_output=True, text=True, check=False)
        results = out / "gambit_results.json"
        if done.returncode or not results.exists():
            raise NoGambit(f"gambit failed on {source.file}:\n{done.stdout}{done.stderr}")
        rows = json.loads(results.read_text())
        mutants = (_mutant(source, row["description"], (out / row["name"]).read_text()) for row in rows)
        made += [mutant for mutant in mutants if mutant]
    return made


def _mutant(source: Source, operator: str, marked: str) -> Mutant | None:
    """Return gambit's mutant without its mark; none where it put arithmetic in place of a comparison."""
    mutated = "".join(line for line in marked.splitlines(keepends=True) if not MARK.match(line))
    same = next(
        (at for at, (a, b) in enumerate(zip(source.text, mutated, strict=False)) if a != b),
        min(len(source.text), len(mutated)),
    )
    if operator == ARITHMETIC and any(start <= same < end for start, end in comparisons(source)):
        return None
    return Mutant(operator, source.file, source.function_at(same), source.text, mutated)

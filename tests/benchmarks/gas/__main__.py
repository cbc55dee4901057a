"""What every verb costs: `make gas`, or `python -m tests.benchmarks.gas` from the root.

Without options it prints the table for the shipped artifact, and what it has become since the snapshot.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from deploy.tools.node import set_up_node
from tests.benchmarks.gas import compiled, snapshot, table
from tests.benchmarks.gas.measure import measure
from tests.benchmarks.gas.operations import OPERATIONS
from tests.benchmarks.gas.sourcemap import build
from tests.benchmarks.gas.world import py_evm


def main() -> int:
    arguments = parse()
    set_up_node()
    code, size = bytecode(arguments)
    rows = measure(code, OPERATIONS, py_evm())
    now, before = snapshot.figures(rows, size), snapshot.read()
    if not arguments.check:
        print("\n".join(table.lines(rows, size, before)))
    if arguments.renew:
        snapshot.write(now)
        before = now
    complaints = snapshot.complaints(before, now, snapshot.bounds(rows))
    failures = [f"{row.operation.name}: {row.failure}" for row in rows if row.failure]
    print("\n".join(["", *failures, *complaints, *snapshot.savings(before, now)]))
    return 1 if arguments.check and (complaints or failures) else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gas", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--artifact", type=Path, default=compiled.ESCROW, help="an escrow's artifact (default: shipped)")
    what.add_argument("--contracts", type=Path, help="compile the escrow in this folder's src/, as it would ship")
    then = parser.add_mutually_exclusive_group()
    then.add_argument("--renew", action="store_true", help="write the snapshot")
    then.add_argument("--check", action="store_true", help="say only what is worse than the snapshot, and fail if so")
    arguments = parser.parse_args()
    if arguments.renew and (arguments.contracts or arguments.artifact != compiled.ESCROW):
        parser.error("the snapshot is the shipped artifact's")
    return arguments


def bytecode(arguments: argparse.Namespace) -> tuple[bytes, int]:
    """Return what creates the escrow, and the size of what then stands on the chain."""
    if arguments.contracts:
        built = build(arguments.contracts)
        return built.code, built.runtime_size
    artifact = json.loads(arguments.artifact.read_text("utf-8"))
    return bytes.fromhex(artifact["bytecode"][2:]), len(artifact["runtimeBytecode"]) // 2 - 1


if __name__ == "__main__":
    raise SystemExit(main())

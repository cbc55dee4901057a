"""What every verb costs: `make gas`, or `python -m tests.benchmarks.gas [--artifact FILE]` from the root."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tests.benchmarks.gas import compiled, table
from tests.benchmarks.gas.measure import measure
from tests.benchmarks.gas.operations import OPERATIONS


def main() -> int:
    parser = argparse.ArgumentParser(prog="gas", description=__doc__)
    parser.add_argument(
        "--artifact", type=Path, default=compiled.ESCROW, help="the escrow's artifact (default: shipped)"
    )
    arguments = parser.parse_args()
    artifact = json.loads(arguments.artifact.read_text("utf-8"))
    rows = measure(bytes.fromhex(artifact["bytecode"][2:]), OPERATIONS)
    print("\n".join(table.lines(rows, len(artifact["runtimeBytecode"]) // 2 - 1)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

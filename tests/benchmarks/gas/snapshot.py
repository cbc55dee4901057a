"""The committed figures, `contracts/gas-snapshot`: nothing gets dearer unless somebody wants it to and says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from deploy.tools.node import CONTRACTS
from tests.benchmarks.gas.measure import Measured
from tests.benchmarks.gas.table import CODE_LIMIT

SNAPSHOT = CONTRACTS / "gas-snapshot"
SIZE = "deployed size, bytes"
RENEW = "make gas ARGS=--renew"
HEAD = f"# Gas of whole txs with the shipped artifact. `{RENEW}` writes this; `make gas` says how it is measured.\n"


def figures(rows: Iterable[Measured], runtime_size: int) -> dict[str, int]:
    """Return what is remembered of a measurement; an operation that failed has no figure."""
    return {row.operation.name: row.ours for row in rows if row.ours is not None} | {SIZE: runtime_size}


def bounds(rows: Iterable[Measured]) -> dict[str, int]:
    """Return what no figure may exceed, renewed or not: the design's bounds, and EIP-170's."""
    return {row.operation.name: row.operation.at_most for row in rows if row.operation.at_most} | {SIZE: CODE_LIMIT}


def complaints(before: dict[str, int], now: dict[str, int], at_most: dict[str, int]) -> list[str]:
    """Return, a line each, what grew, by how much, what is over its bound, and what only one of the two knows."""
    grew = [
        f"{name}: grew by {now[name] - old:,}, from {old:,} to {now[name]:,} (wanted? {RENEW})"
        for name, old in before.items()
        if name in now and now[name] > old
    ]
    over = [
        f"{name}: {now[name]:,} is {now[name] - bound:,} over the bound of {bound:,}"
        for name, bound in at_most.items()
        if name in now and now[name] > bound
    ]
    gone = [f"{name}: was not measured, and stands in the snapshot" for name in before if name not in now]
    new = [f"{name}: does not stand in the snapshot ({RENEW})" for name in now if name not in before]
    return grew + over + gone + new


def savings(before: dict[str, int], now: dict[str, int]) -> list[str]:
    """Return a line if anything fell; it may grow back unnoticed until the snapshot is renewed."""
    fell = sum(name in now and now[name] < old for name, old in before.items())
    return [f"fell: {fell}; {RENEW} keeps it from growing back"] if fell else []


def read(path: Path = SNAPSHOT) -> dict[str, int]:
    """Read a snapshot: a name and a number a line. A missing file knows nothing."""
    if not path.exists():
        return {}
    lines = [line for line in path.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return {name.rstrip(): int(number) for name, number in (line.rsplit(maxsplit=1) for line in lines)}


def write(now: dict[str, int], path: Path = SNAPSHOT) -> None:
    """Write a snapshot."""
    width = max(map(len, now))
    path.write_text(HEAD + "".join(f"{name:<{width}} {number:>8}\n" for name, number in now.items()), "utf-8")

"""The table as a person reads it."""

from __future__ import annotations

from tests.benchmarks.gas.measure import Measured

PEERS = ("base", "Kleros", "Request")
HEAD = (
    "operation",
    "floor",
    "ours",
    "at most",
    "aim",
    "over",
    "to aim",
    "ours/floor",
    "since",
    "base",
    "Kleros",
    "Request",
)
CODE_LIMIT = 24_576
"""EIP-170."""
NOTE = """\
Whole transactions: the receipts' gasUsed on py-evm, EVM Prague; each a cold tx alone in its block. The token is
OpenZeppelin's ERC-20 without extensions; for the ways to fund by EIP-3009 and EIP-2612 it is the test token as it
ships. The allowance is unlimited, no balance zero. The floor is Floor.yul; `since` is since the snapshot. Every role of
the terms is filled, and an amount is given exactly where nothing else is said. The peers' figures are quoted from an
earlier measurement; base's fund needs a pre-approval of 56,094 besides."""


def lines(rows: list[Measured], runtime_size: int, before: dict[str, int]) -> list[str]:
    """Return the table, the size of the deployed code, and how to read it; `before`: the snapshot."""
    cells = [HEAD, *(_cells(row, before) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    text = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    failures = [f"{row.operation.name} failed: {row.failure}" for row in rows if row.failure]
    size = f"deployed size: {runtime_size:,} of {CODE_LIMIT:,} bytes ({CODE_LIMIT - runtime_size:,} left)"
    return [*text, "", size, *failures, "", NOTE]


def _cells(row: Measured, before: dict[str, int]) -> tuple[str, ...]:
    operation, ours, floor = row.operation, row.ours, row.floor
    over = "OVER" if ours is None or (operation.at_most and ours > operation.at_most) else ""
    to_aim = f"{ours - operation.aim:+,}" if ours and operation.aim else ""
    ratio = f"{ours / floor:.3f}" if ours and floor else ""
    old = before.get(operation.name)
    since = f"{ours - old:+,}" if ours and old and ours != old else ""
    known = (_number(floor), _number(ours), _number(operation.at_most), _number(operation.aim))
    return (operation.name, *known, over, to_aim, ratio, since, *operation.peers)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"

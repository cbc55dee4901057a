"""Exact sums of amounts in SQL, on both databases."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, cast, func, literal
from sqlalchemy.sql.elements import Label

PIECE_DIGITS: Final = 12
"""SQLite's integers have 64 bits: nine million pieces of twelve digits are added up before one could run over."""
PIECES: Final = 7
"""84 digits; an amount has at most 78."""


def sum_of(column: ColumnElement[int], name: str, dialect: str) -> list[Label[Any]]:
    """Return the columns that together are the sum of an amount's column; `read_sum` puts them together.

    PostgreSQL adds NUMERIC up exactly. SQLite keeps amounts as digits and would add those up as floats, so they are cut
    into pieces there, and each piece is summed.
    """
    if dialect == "postgresql":
        return [func.coalesce(func.sum(column), 0).label(name)]
    digits = literal("0" * PIECE_DIGITS * PIECES).op("||")(column)
    # The last twelve digits, then the twelve before them, and so on: `substr` counts from the end.
    pieces = (func.substr(digits, -PIECE_DIGITS * (number + 1), PIECE_DIGITS) for number in range(PIECES))
    return [
        func.coalesce(func.sum(cast(each, BigInteger)), 0).label(f"{name}_{number}")
        for number, each in enumerate(pieces)
    ]


def read_sum(row: Any, name: str, dialect: str) -> int:
    """Return the sum that `sum_of` asked for, from a row of the answer."""
    if dialect == "postgresql":
        return int(getattr(row, name))
    return sum(int(getattr(row, f"{name}_{number}")) * 10 ** (PIECE_DIGITS * number) for number in range(PIECES))

"""Exact sums of amounts in SQL, on both databases."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, case, cast, func
from sqlalchemy.sql.elements import Label

PIECE_DIGITS: Final = 12
"""SQLite's integers have 64 bits: nine million pieces of twelve digits are added up before one could run over."""
PIECES: Final = 4
"""48 digits; an amount of a payment is below 2^128 and has at most 39."""


def sum_of(column: ColumnElement[int], name: str, dialect: str) -> list[Label[Any]]:
    """Return the columns that together are the sum of an amount's column; `read_sum` puts them together.

    PostgreSQL adds NUMERIC up exactly. SQLite keeps amounts as digits and would add those up as floats, so they are cut
    into pieces there, and each piece is summed.
    """
    if dialect == "postgresql":
        return [func.coalesce(func.sum(column), 0).label(name)]
    pieces = (_piece(column, number) for number in range(PIECES))
    return [func.coalesce(func.sum(each), 0).label(f"{name}_{number}") for number, each in enumerate(pieces)]


def _piece(column: ColumnElement[int], number: int) -> ColumnElement[int]:
    """Return the last twelve digits, the twelve before them, and so on; `substr` counts from the end."""
    digits = cast(func.substr(column, -PIECE_DIGITS * (number + 1), PIECE_DIGITS), BigInteger)
    # Most amounts are short, and looking at their length is cheaper than cutting them.
    return digits if number == 0 else case((func.length(column) <= PIECE_DIGITS * number, 0), else_=digits)


def read_sum(row: Any, name: str, dialect: str) -> int:
    """Return the sum that `sum_of` asked for, from a row of the answer."""
    if dialect == "postgresql":
        return int(getattr(row, name))
    return sum(int(getattr(row, f"{name}_{number}")) * 10 ** (PIECE_DIGITS * number) for number in range(PIECES))

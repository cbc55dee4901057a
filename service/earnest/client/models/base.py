"""What all values from the API share, and the pieces that many of them are made of."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A value from the API."""


class Page(Model, Generic[T], frozen=True, kw_only=True):
    """A piece of a list."""

    data: list[T]
    has_more: bool
    next_cursor: str | None


class Amount(Model, frozen=True, kw_only=True):
    """An amount of a token; `value` is the same as a decimal number."""

    base_units: int
    decimals: int
    token: str
    symbol: str
    value: Decimal

    def __str__(self) -> str:
        """Show it as people write it."""
        return f"{self.value} {self.symbol}"


class Block(Model, frozen=True, kw_only=True):
    """A block; its hash says which one, whatever a reorg does."""

    number: int
    hash: str
    timestamp: datetime

"""Shapes that many routes share."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

from earnest.payment.errors import InvalidInput

T = TypeVar("T")

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

_BYTES = re.compile(r"0x([0-9a-fA-F]{2})+", re.ASCII)


def _parse_time(text: Any) -> int:
    """Return an RFC 3339 time as Unix seconds; a fraction of a second is cut off."""
    if not isinstance(text, str) or not _RFC3339.fullmatch(text):
        raise ValueError("give a time as RFC 3339, such as 2030-01-31T12:00:00Z")
    try:
        seconds = int(datetime.fromisoformat(text.upper()).timestamp())
    except (ValueError, OverflowError):
        raise ValueError("there is no such time") from None
    if seconds < 0:
        raise ValueError("a time before 1970")
    return seconds


def _parse_chain(text: Any) -> int:
    match = re.fullmatch(r"eip155:([1-9][0-9]{0,17})", text, re.ASCII) if isinstance(text, str) else None
    if not match:
        raise ValueError("give a chain as CAIP-2, such as eip155:8453")
    return int(match[1])


def parse_signature(text: str) -> bytes:
    """Return a signature's bytes; raises `InvalidInput` for what is not `0x` and an even number of digits."""
    if not _BYTES.fullmatch(text):
        raise InvalidInput("a signature is 0x and an even number of hexadecimal digits", param="signature")
    return bytes.fromhex(text[2:])


InTime = Annotated[
    int, BeforeValidator(_parse_time), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
"""A time in a request, as Unix seconds."""
InChain = Annotated[
    int, BeforeValidator(_parse_chain), WithJsonSchema({"type": "string", "pattern": "^eip155:[1-9][0-9]*$"})
]
"""A chain in a request, as its number."""
Seconds = Annotated[int, Field(strict=True, ge=0, lt=2**32)]
OutTime = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-01-31T12:00:00Z"])]
OutAddress = Annotated[str, Field(pattern="^0x[0-9a-fA-F]{40}$", description="With its EIP-55 checksum.")]
OutHash = Annotated[str, Field(pattern="^0x[0-9a-f]{64}$")]
BaseUnits = Annotated[str, Field(pattern="^(0|[1-9][0-9]*)$", examples=["12500000"])]


def _refuse_half_characters(body: Any) -> Any:
    """Refuse text with a lone surrogate: JSON can spell it, and no database and no answer can hold it."""
    left = [body]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            left += [*each.keys(), *each.values()]
        elif isinstance(each, list):
            left += each
        elif isinstance(each, str) and any("\ud800" <= char <= "\udfff" for char in each):
            raise ValueError("text holds half of a character")
    return body


class Request(BaseModel):
    """A request's body: what it does not know, it refuses by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    _whole_characters = model_validator(mode="before")(_refuse_half_characters)


class Answer(BaseModel):
    """An answer's body; that it says no more than is documented is tested."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ListOf(Answer, Generic[T]):
    """A piece of a list, newest first; `next_cursor` fetches the next piece."""

    data: list[T]
    has_more: bool
    next_cursor: Annotated[str | None, Field(description="Opaque; null at the end.")]


class Amount(Answer):
    """An amount with all that showing it takes."""

    base_units: BaseUnits
    decimals: int
    token: OutAddress
    symbol: str
    value: Annotated[str, Field(examples=["12.50"])]


class Block(Answer):
    """A block; its hash says which one, whatever a reorg does."""

    number: int
    hash: OutHash
    timestamp: OutTime


class AmountRequest(Request):
    """An amount in a token: `value` (a decimal string, exact) or `base_units` (a string of digits)."""

    value: Annotated[str | None, Field(examples=["12.50"])] = None
    base_units: Annotated[str | None, Field(description="Instead of value.")] = None
    token: Annotated[str | None, Field(description="Symbol or address.", examples=["USDC"])] = None
    currency: Annotated[
        str | None, Field(description="A price in money; refused as `pricing_not_configured` for now.")
    ] = None


Deleted = Literal[True]

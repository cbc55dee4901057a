"""What a form sends: `application/x-www-form-urlencoded`, nothing else, and not much of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final
from urllib.parse import parse_qsl

from earnest.payment.errors import InvalidInput
from earnest.web.errors import OddRequest

MOST_FIELDS: Final = 500
"""Two hundred payments of a batch, and what stands beside them."""
MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class Form:
    """Fields by name; some come several times."""

    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def one(self, name: str) -> str:
        """Return a field without the blanks around it, empty if it is missing."""
        found = self.fields.get(name, ())
        return found[0].strip() if found else ""

    def many(self, name: str) -> list[str]:
        """Return all values of a field."""
        return [each for each in self.fields.get(name, ()) if each]


def parse_form(content_type: str, body: bytes) -> Form:
    """Parse a form's body; raises `OddRequest` for anything that no form of ours sends."""
    if body and content_type.split(";", maxsplit=1)[0].strip().lower() != MEDIA_TYPE:
        raise OddRequest("this is no form of ours")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise OddRequest("this is no form of ours") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        if "\x00" in value:
            raise OddRequest("no text has a NUL in it")
        fields.setdefault(name, []).append(value)
    return Form(fields)


def parse_day(text: str, *, param: str, end: bool = False) -> int | None:
    """Return when a day such as 2026-11-22 begins in UTC (Unix), or ends; None for no text."""
    if not text:
        return None
    try:
        day = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no day such as 2026-11-22", param=param) from error
    return int(day.timestamp()) + (DAY_SECONDS if end else 0)

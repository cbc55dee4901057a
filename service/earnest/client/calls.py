"""What all the calls are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from earnest.client import models
from earnest.client.http import Http

T = TypeVar("T")

PAGE: Final = 100
"""The most that the API gives at once."""


class Calls:
    """Some of the API's calls, over one `Http`."""

    http: Http

    def _get(self, path: str, into: type[T], query: Mapping[str, Any] | None = None) -> T:
        return self.http.ask("GET", path, into, query=query)

    def _post(self, path: str, into: type[T], body: Mapping[str, Any], idempotency_key: str | None) -> T:
        return self.http.ask("POST", path, into, body=body, idempotency_key=idempotency_key)

    def _all(self, path: str, into: type[models.Page[T]]) -> list[T]:
        """Return a list that the API gives whole."""
        return self.http.ask("GET", path, into).data

    def _every(self, path: str, into: type[models.Page[T]], query: Mapping[str, Any] | None = None) -> Iterator[T]:
        """Walk over a list that comes in pieces."""
        cursor: str | None = None
        while True:
            page = self.http.ask("GET", path, into, query={**(query or {}), "limit": PAGE, "cursor": cursor})
            yield from page.data
            if not page.has_more:
                return
            cursor = page.next_cursor


def rfc3339(time: datetime | None) -> str | None:
    """Return a time as the API takes it: to the second, in UTC; one without a zone is taken for the machine's."""
    return time.astimezone(UTC).isoformat(timespec="seconds") if time else None

"""Every call that a merchant's program makes, one method each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import httpx

from earnest.client import models
from earnest.client.account import AccountCalls
from earnest.client.http import Http
from earnest.client.notifications import NotificationCalls
from earnest.client.operation import OperationCalls
from earnest.client.payments import PaymentCalls


class Client(PaymentCalls, NotificationCalls, AccountCalls, OperationCalls):
    """The API at an address, with a merchant's key; safe to use from many threads.

    Every POST carries an idempotency key of its own making, the same at each try; give one yourself where your program
    may die between two tries. Lists are iterators that fetch page after page as they are walked.

    Args:
        base_url: where the service answers, such as http://127.0.0.1:8000.
        api_key: `ek_test_…` or `ek_live_…`; None: only what needs no key answers.
        patience_seconds: how long a call is made again while nobody answers, or the service says that it can help.
        transport: for tests, instead of the network.

    Raises:
        InvalidInput: a URL or a key that cannot be one. Every call may raise `Problem`, `Unreachable`, `NotEarnest`.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        patience_seconds: float = 10.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.http = Http(base_url, api_key, patience_seconds, transport)

    def close(self) -> None:
        """Close the connections."""
        self.http.client.close()

    def __enter__(self) -> Client:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self.close()

    # Anything, as it comes: for what a newer service knows and this client does not.

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> dict[str, Any]:
        """Make any call, and return its JSON as it came."""
        return self.http.ask(method, path, dict[str, Any], query=query, body=body, idempotency_key=idempotency_key)

    def every(self, path: str, query: Mapping[str, Any] | None = None) -> Iterator[dict[str, Any]]:
        """Walk over any list, and yield its rows as they came."""
        return self._every(path, models.Page[dict[str, Any]], query)

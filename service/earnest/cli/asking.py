"""How a command asks the service: once, for what it prints as it came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def ask(
    api_url: str,
    api_key: str | None,
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make one call and return its JSON; whoever sits at a terminal is told at once that nobody answers.

    Raises:
        ClientError: as the client has it.
        InvalidInput: a URL or a key that cannot be one.
    """
    from earnest.client import Client  # noqa: PLC0415 (so that `earnest --help` loads nothing)

    with Client(api_url, api_key, patience_seconds=0) as client:
        return client.ask(method, path, query=query, body=body)

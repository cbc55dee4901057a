"""The merchants' webhook endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from earnest.store.records import (
    Endpoint,
)


class Endpoints:
    """Webhook endpoints; every call names the merchant, so that nobody reaches another's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, endpoint: Endpoint) -> None:
        """Add an endpoint; it is told of what happens from now on. Raises `AlreadyThere`."""
        raise NotImplementedError

    def get(self, merchant_id: str, endpoint_id: str) -> Endpoint | None:
        """Return a merchant's endpoint."""
        raise NotImplementedError

    def list(self, merchant_id: str) -> Sequence[Endpoint]:
        """Return a merchant's endpoints, newest first."""
        raise NotImplementedError

    def update(self, endpoint: Endpoint) -> bool:
        """Write URL, types, secret and whether it is disabled; returns whether there is such an endpoint."""
        raise NotImplementedError

    def disable(self, endpoint_id: str, at: int, reason: str) -> bool:
        """Stop sending to an endpoint, keeping what is pending; returns whether it was enabled until now."""
        raise NotImplementedError

    def delete(self, merchant_id: str, endpoint_id: str) -> bool:
        """Delete an endpoint with its deliveries; returns whether there was one."""
        raise NotImplementedError

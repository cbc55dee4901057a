"""The merchants' webhook endpoints."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, LargeBinary, Table, Text, select

from earnest.store.records import Endpoint
from earnest.store.schema import Words, columns_of, metadata

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.id"), nullable=False, index=True),
    Column("url", Text, nullable=False),
    Column("types", Words, nullable=False),
    Column("secret_encrypted", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger),
    Column("disabled_reason", Text),
)


class Endpoints:
    """Webhook endpoints; what a merchant asks for names the merchant, so that nobody reaches another's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, endpoint: Endpoint) -> None:
        """Add an endpoint; it is told of what happens from now on. Raises `AlreadyThere`."""
        self._connection.execute(endpoints.insert(), columns_of(endpoint))

    def get(self, merchant_id: str, endpoint_id: str) -> Endpoint | None:
        """Return a merchant's endpoint."""
        wanted = select(endpoints).where(endpoints.c.id == endpoint_id, endpoints.c.merchant_id == merchant_id)
        row = self._connection.execute(wanted).one_or_none()
        return Endpoint(**row._mapping) if row else None

    def list(self, merchant_id: str) -> Sequence[Endpoint]:
        """Return a merchant's endpoints, newest first."""
        wanted = select(endpoints).where(endpoints.c.merchant_id == merchant_id)
        rows = self._connection.execute(wanted.order_by(endpoints.c.created_at.desc(), endpoints.c.id.desc()))
        return [Endpoint(**row._mapping) for row in rows]

    def update(self, endpoint: Endpoint) -> bool:
        """Write URL, types, secret and whether it is disabled; returns whether there is such an endpoint."""
        c = endpoints.c
        changed = endpoints.update().where(c.id == endpoint.id, c.merchant_id == endpoint.merchant_id)
        values = {
            "url": endpoint.url,
            "types": endpoint.types,
            "secret_encrypted": endpoint.secret_encrypted,
            "disabled_at": endpoint.disabled_at,
            "disabled_reason": endpoint.disabled_reason,
        }
        return self._connection.execute(changed.values(values)).rowcount > 0

    def disable(self, endpoint_id: str, at: int, reason: str) -> bool:
        """Stop sending to an endpoint, keeping what is pending; returns whether it was enabled until now."""
        stopped = endpoints.update().where(endpoints.c.id == endpoint_id, endpoints.c.disabled_at.is_(None))
        return self._connection.execute(stopped.values(disabled_at=at, disabled_reason=reason)).rowcount > 0

    def delete(self, merchant_id: str, endpoint_id: str) -> bool:
        """Delete an endpoint with its deliveries; returns whether there was one."""
        c = endpoints.c
        gone = endpoints.delete().where(c.id == endpoint_id, c.merchant_id == merchant_id)
        return self._connection.execute(gone).rowcount > 0

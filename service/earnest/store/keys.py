"""The API keys, by the hash of their secrets."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Table, Text, func, select

from earnest.store.records import ApiKey
from earnest.store.schema import Words, columns_of, metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.id"), nullable=False, index=True),
    Column("hash", Text, nullable=False, unique=True),
    Column("prefix", Text, nullable=False),
    Column("scopes", Words, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("name", Text),
)


class Keys:
    """The API keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: ApiKey) -> None:
        """Add a key; raises `AlreadyThere`."""
        self._connection.execute(api_keys.insert(), columns_of(key))

    def find(self, hash_hex: str) -> ApiKey | None:
        """Return the key whose secret has this SHA-256, revoked and expired ones too; the caller judges."""
        row = self._connection.execute(select(api_keys).where(api_keys.c.hash == hash_hex)).one_or_none()
        return ApiKey(**row._mapping) if row else None

    def get(self, key_id: str) -> ApiKey | None:
        """Return a key by its id, revoked and expired ones too; the caller judges."""
        row = self._connection.execute(select(api_keys).where(api_keys.c.id == key_id)).one_or_none()
        return ApiKey(**row._mapping) if row else None

    def list(self, merchant_id: str) -> Sequence[ApiKey]:
        """Return a merchant's keys, newest first."""
        wanted = select(api_keys).where(api_keys.c.merchant_id == merchant_id)
        rows = self._connection.execute(wanted.order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc()))
        return [ApiKey(**row._mapping) for row in rows]

    def revoke(self, key_id: str, at: int) -> bool:
        """Revoke a key; returns whether there is such a key. The first revocation's time stays."""
        revoked = api_keys.update().where(api_keys.c.id == key_id)
        return (
            self._connection.execute(revoked.values(revoked_at=func.coalesce(api_keys.c.revoked_at, at))).rowcount > 0
        )

"""The API keys, by the hash of their secrets."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from earnest.store.records import (
    ApiKey,
)


class Keys:
    """The API keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: ApiKey) -> None:
        """Add a key; raises `AlreadyThere`."""
        raise NotImplementedError

    def find(self, hash_hex: str) -> ApiKey | None:
        """Return the key whose secret has this SHA-256, revoked and expired ones too; the caller judges."""
        raise NotImplementedError

    def list(self, merchant_id: str) -> Sequence[ApiKey]:
        """Return a merchant's keys, newest first."""
        raise NotImplementedError

    def revoke(self, key_id: str, at: int) -> bool:
        """Revoke a key; returns whether there is such a key. The first revocation's time stays."""
        raise NotImplementedError

"""Idempotency keys: the same request twice has one effect and one answer."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from earnest.store.records import (
    Beginning,
)


class Idempotency:
    """Idempotency keys of merchants' requests."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, merchant_id: str, key: str, request_hash: str, now: int, *, lease_seconds: int = 60) -> Beginning:
        """Claim a key for a request; of several at once exactly one gets `Fresh`.

        Whoever is not done after `lease_seconds` counts as dead, and the next one takes over.
        """
        raise NotImplementedError

    def finish(
        self, merchant_id: str, key: str, attempt: int, *, status: int, body: bytes, headers: Mapping[str, str]
    ) -> bool:
        """Keep the answer; returns False, and keeps nothing, if another one has taken over since."""
        raise NotImplementedError

    def abandon(self, merchant_id: str, key: str, attempt: int) -> None:
        """Give the key back: nothing happened, and the same request may come again."""
        raise NotImplementedError

    def forget_older_than(self, before: int) -> int:
        """Forget keys first used before a time; returns how many."""
        raise NotImplementedError

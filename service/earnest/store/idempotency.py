"""Idempotency keys: the same request twice has one effect and one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import JSON, BigInteger, Column, Connection, ForeignKey, Integer, LargeBinary, Table, Text, and_, select
from sqlalchemy.sql.elements import ColumnElement

from earnest.store.records import Beginning, Fresh, Mismatch, Replay, Running
from earnest.store.schema import insert, metadata, rows_written

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("merchant_id", Text, ForeignKey("merchants.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    # Rises each time that somebody takes over; the answer of one who was taken over from does not count.
    Column("attempt", Integer, nullable=False),
    # Until when the one who works on it has time; NULL once it is answered.
    Column("leased_until", BigInteger),
    Column("status", Integer),
    Column("headers", JSON),
    # The answer's; until it is there, what whoever works on it notes for the one who takes over.
    Column("body", LargeBinary),
)

LONGEST_LEASE_SECONDS: Final = 300
"""No lease lasts so long, however many minutes machines are apart. What ends later was written by a clock that was far
ahead, and waiting for it could take years; to take over too early does no harm: see `note`."""


class Idempotency:
    """Idempotency keys of merchants' requests."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin(self, merchant_id: str, key: str, request_hash: str, now: int, *, lease_seconds: int = 60) -> Beginning:
        """Claim a key for a request; of several at once exactly one gets `Fresh`.

        Whoever is not done after `lease_seconds` counts as dead, and the next one takes over.
        """
        claim = {
            "merchant_id": merchant_id,
            "key": key,
            "request_hash": request_hash,
            "created_at": now,
            "attempt": 1,
            "leased_until": now + lease_seconds,
        }
        claiming = insert(self._connection.dialect.name, idempotency_keys).on_conflict_do_nothing()
        # On PostgreSQL a second one waits here until the first has committed; on SQLite it waited for the transaction.
        if rows_written(self._connection, claiming, claim) == 1:
            return Fresh(attempt=1)
        this = _this(merchant_id, key)
        row = self._connection.execute(select(idempotency_keys).where(this).with_for_update()).one_or_none()
        if row is None:  # given back in this very moment
            return Running()
        if row.request_hash != request_hash:
            return Mismatch()
        if row.leased_until is None:
            return Replay(row.status, row.body, row.headers)
        if now < row.leased_until <= now + LONGEST_LEASE_SECONDS:
            return Running()
        attempt = row.attempt + 1
        taken = idempotency_keys.update().where(this)
        self._connection.execute(taken.values(attempt=attempt, leased_until=now + lease_seconds))
        return Fresh(attempt, row.body)

    def note(self, merchant_id: str, key: str, attempt: int, note: bytes) -> bool:
        """Note something for whoever takes over; returns False, and notes nothing, if another one has done so."""
        noted = idempotency_keys.update().where(_running(merchant_id, key, attempt))
        return self._connection.execute(noted.values(body=note)).rowcount == 1

    def finish(
        self, merchant_id: str, key: str, attempt: int, *, status: int, body: bytes, headers: Mapping[str, str]
    ) -> bool:
        """Keep the answer; returns False, and keeps nothing, if another one has taken over since."""
        answered = idempotency_keys.update().where(_running(merchant_id, key, attempt))
        values = {"status": status, "body": body, "headers": dict(headers), "leased_until": None}
        return self._connection.execute(answered.values(values)).rowcount == 1

    def hand_over(self, merchant_id: str, key: str, attempt: int) -> None:
        """Let the same request be taken over at once, with what was noted: something may have happened."""
        ended = idempotency_keys.update().where(_running(merchant_id, key, attempt))
        self._connection.execute(ended.values(leased_until=0))

    def abandon(self, merchant_id: str, key: str, attempt: int) -> None:
        """Give the key back: nothing happened, and the same request may come again."""
        self._connection.execute(idempotency_keys.delete().where(_running(merchant_id, key, attempt)))

    def forget_older_than(self, before: int) -> int:
        """Forget keys first used before a time; returns how many."""
        return self._connection.execute(
            idempotency_keys.delete().where(idempotency_keys.c.created_at < before)
        ).rowcount


def _this(merchant_id: str, key: str) -> ColumnElement[bool]:
    return and_(idempotency_keys.c.merchant_id == merchant_id, idempotency_keys.c.key == key)


def _running(merchant_id: str, key: str, attempt: int) -> ColumnElement[bool]:
    c = idempotency_keys.c
    return and_(_this(merchant_id, key), c.attempt == attempt, c.leased_until.is_not(None))

"""Who changed what, in a chain: each entry holds the hash of the one before, so that none can be altered unseen."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Column, Connection, Index, Row, Table, Text, select, text

from earnest.store.cursors import read_cursor, write_cursor
from earnest.store.records import Page
from earnest.store.schema import metadata

audit_log = Table(
    "audit_log",
    metadata,
    # Without gaps, in the order of the chain.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    # NULL: what the host did that belongs to no one merchant.
    Column("merchant_id", Text),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    # JSON, as it was hashed.
    Column("detail", Text, nullable=False),
    Column("request_id", Text),
    Column("previous", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Index(None, "merchant_id", "number"),
)

BEGINNING: Final = "0" * 64
"""Stands before the first entry."""
_WRITING: Final = 0x41554449545F4C4F  # spells AUDIT_LO; any number would do that nobody else locks by
_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody did.

    `actor` is who (`key:key_…`, `wallet:0x…`, `host`), `action` what (`endpoint.rotate_secret`), `target` to what, by
    its id; `detail` says more and never holds a secret. `at` is wall time (Unix).
    """

    at: int
    actor: str
    action: str
    target: str
    merchant_id: str | None = None
    detail: Mapping[str, Any] | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A deed in its place: `previous` is the hash of the entry before, `hash` that of this one."""

    number: int
    deed: Deed
    previous: str
    hash: str


class Audit:
    """The audit log."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, deed: Deed) -> AuditEntry:
        """Add an entry at the end of the chain, in the deed's own transaction: both stand, or neither."""
        if self._connection.dialect.name == "postgresql":
            # The chain has one end, so writers take turns until they commit; on SQLite they do anyway.
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITING})
        last = self.last()
        number, previous = (last.number + 1, last.hash) if last else (1, BEGINNING)
        detail = _canonical(deed.detail or {})
        hash_ = _hash(number, deed, detail, previous)
        row = {
            "number": number,
            "at": deed.at,
            "merchant_id": deed.merchant_id,
            "actor": deed.actor,
            "action": deed.action,
            "target": deed.target,
            "detail": detail,
            "request_id": deed.request_id,
            "previous": previous,
            "hash": hash_,
        }
        self._connection.execute(audit_log.insert(), row)
        return AuditEntry(number, deed, previous, hash_)

    def last(self) -> AuditEntry | None:
        """Return the end of the chain."""
        row = self._connection.execute(select(audit_log).order_by(audit_log.c.number.desc()).limit(1)).one_or_none()
        return _entry(row) if row else None

    def page(self, merchant_id: str, *, cursor: str | None = None, limit: int = 20) -> Page[AuditEntry]:
        """Return a piece of what was done in a merchant's account, newest first; raises `InvalidInput`."""
        c = audit_log.c
        wanted = select(audit_log).where(c.merchant_id == merchant_id)
        if cursor is not None:
            wanted = wanted.where(c.number < read_cursor(cursor, int)[0])
        rows = self._connection.execute(wanted.order_by(c.number.desc()).limit(limit + 1)).all()
        more = len(rows) > limit
        return Page([_entry(row) for row in rows[:limit]], write_cursor(rows[limit - 1].number) if more else None)

    def first_broken(self) -> str | None:
        """Return what is wrong with the first entry that does not fit, as a sentence; None: the chain is whole."""
        number, previous = 0, BEGINNING
        for row in self._rows():
            if row.number != number + 1:
                missing = f"{number + 1}" if row.number == number + 2 else f"{number + 1} to {row.number - 1}"
                return f"entry {missing} of the audit log is missing"
            if row.previous != previous:
                return f"entry {row.number} of the audit log does not follow entry {number}: one of them was replaced"
            if row.hash != _hash(row.number, _deed(row), row.detail, row.previous):
                return f"entry {row.number} of the audit log was altered after it was written"
            number, previous = row.number, row.hash
        return None

    def _rows(self) -> Iterator[Row[Any]]:
        after = 0
        while True:
            wanted = select(audit_log).where(audit_log.c.number > after).order_by(audit_log.c.number).limit(_AT_ONCE)
            rows = self._connection.execute(wanted).all()
            if not rows:
                return
            yield from rows
            after = rows[-1].number


def _hash(number: int, deed: Deed, detail: str, previous: str) -> str:
    """Return an entry's hash: SHA-256 over all that it says, its number and the hash before it."""
    told = [number, deed.at, deed.merchant_id, deed.actor, deed.action, deed.target, detail, deed.request_id, previous]
    return hashlib.sha256(_canonical(told).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _deed(row: Row[Any]) -> Deed:
    return Deed(row.at, row.actor, row.action, row.target, row.merchant_id, None, row.request_id)


def _entry(row: Row[Any]) -> AuditEntry:
    try:
        detail = json.loads(row.detail)
    except ValueError:  # somebody wrote it by hand: shown all the same, and `first_broken` names it
        detail = {"unreadable": row.detail}
    deed = Deed(row.at, row.actor, row.action, row.target, row.merchant_id, detail, row.request_id)
    return AuditEntry(row.number, deed, row.previous, row.hash)

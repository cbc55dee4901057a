"""How notifications get into the outbox along with their deliveries: nothing is read first, and nobody waits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import msgspec
from sqlalchemy import Connection, text

from earnest.store.bulk import Upsert
from earnest.store.news import keep_order
from earnest.store.outbox_tables import deliveries, notifications
from earnest.store.pipeline import Text, pipeline_of, text_of
from earnest.store.raw import Fixed
from earnest.store.records import Notification


def add_all(connection: Connection, told: Sequence[Notification]) -> None:
    """Add notifications, none of them twice, and one pending delivery of each new one to whoever wants to hear of it.

    In positions they follow each other as they do here.
    """
    keep_order(connection)
    rows = [_row(each) for each in told]
    if connection.dialect.name == "postgresql":
        pipeline = pipeline_of(connection) if len(rows) <= FEW else None
        if pipeline is not None:
            pipeline.send(_few_at_once(len(rows)), [value for row in rows for value in row])
            return
        every = [dict(zip(_GIVEN, row, strict=True)) for row in rows]
        _AT_ONCE.tell(connection, {"told": msgspec.json.encode(every).decode()})
        return
    ((before,),) = _NEWEST.ask(connection, {})
    _ADDING.write(connection, rows)
    _BEGINNING.write(connection, _TO_TELL.ask(connection, {"before": before}))


def _row(notification: Notification) -> tuple[object, ...]:
    """Return a notification in the order of `_GIVEN`; its payload becomes JSON here, once."""
    return (
        notification.id,
        notification.merchant_id,
        notification.chain_id,
        notification.payment_id,
        notification.version,
        str(notification.type),
        msgspec.json.encode(notification.payload).decode(),
        notification.created_at,
    )


FEW: Final = 16
"""Up to so many go as values of their own where statements are sent together. Each number of them is a statement that
the server prepares."""
_GIVEN: Final = ("id", "merchant_id", "chain_id", "payment_id", "version", "type", "payload", "created_at")
_ADDING: Final = Upsert(notifications, _GIVEN, ("id",), changed=())
_NEWEST: Final = Fixed(lambda _: text("SELECT coalesce(max(position), 0) FROM notifications"))
_BEGUN: Final = (
    *("notification_id", "endpoint_id", "chain_id", "payment_id", "version"),
    *("state", "attempts", "attempts_before_replay", "next_attempt_at", "position"),
)
_BEGINNING: Final = Upsert(deliveries, _BEGUN, ("notification_id", "endpoint_id"))
_PENDING: Final = """
    SELECT told.id, endpoints.id, told.chain_id, told.payment_id, told.version,
           'pending', 0, 0, told.created_at, told.position
    FROM {told} JOIN endpoints ON endpoints.merchant_id = told.merchant_id
    WHERE endpoints.disabled_at IS NULL AND (endpoints.types = '' OR {is_wanted})"""
_ADDED: Final = """
    WITH told AS (
        INSERT INTO notifications (id, merchant_id, chain_id, payment_id, version, type, payload, created_at)
        {given}
        ON CONFLICT (id) DO NOTHING
        RETURNING position, id, merchant_id, chain_id, payment_id, version, type, created_at)"""
_TO_TELL: Final = Fixed(
    lambda _: text(
        _PENDING.format(
            told="notifications AS told",
            is_wanted="instr(' ' || endpoints.types || ' ', ' ' || told.type || ' ') > 0",
        )
        + " AND told.position > :before"
    )
)
"""SQLite has one writer: whatever lies behind the newest one of before was added here. What is found is written row by
row: one statement that writes many copies each page first that it changes, into a file if they are many."""


def _added_and_begun(given: str) -> str:
    wanted = _PENDING.format(told="told", is_wanted="told.type = ANY(string_to_array(endpoints.types, ' '))")
    return f"{_ADDED.format(given=given)} INSERT INTO deliveries ({', '.join(_BEGUN)}) {wanted}"


_AT_ONCE: Final = Fixed(
    lambda _: text(
        _added_and_begun("""
        SELECT id, merchant_id, chain_id, payment_id, version, type, CAST(payload AS json), created_at
        FROM ROWS FROM (json_to_recordset(CAST(:told AS json)) AS
            (id text, merchant_id text, chain_id bigint, payment_id text, version bigint, type text,
             payload text, created_at bigint)) WITH ORDINALITY
            AS given(id, merchant_id, chain_id, payment_id, version, type, payload, created_at, place)
        ORDER BY place""")
    )
)
"""One parameter and one answer, however many there are: what takes CPU in a driver is how often it is asked. A payload
is a text in there, so that PostgreSQL does not look into it: it would refuse a NUL."""


@cache
def _few_at_once(count: int) -> Text:
    """Return the statement that adds so many, each value in its place: PostgreSQL then parses each payload once.

    In JSON it parses all of them three times, which for six took it half of the time.
    """
    one = "(" + ", ".join(f"CAST(%s AS {type_})" for type_ in _TYPES) + ")"
    return text_of(_added_and_begun(f"VALUES {', '.join([one] * count)}"))


_TYPES: Final = ("text", "text", "bigint", "text", "bigint", "text", "json", "bigint")
"""Of `_GIVEN`."""

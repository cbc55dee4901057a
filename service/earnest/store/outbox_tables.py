"""The outbox' tables, and the way from their rows to records."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Row,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from earnest.payment.primitives import Hash32
from earnest.store.records import Attempt, Delivery, DeliveryState, Notification
from earnest.store.schema import Position, metadata

notifications = Table(
    "notifications",
    metadata,
    # Counts up: the order of lists.
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("merchant_id", Text, ForeignKey("merchants.id"), nullable=False),
    Column("chain_id", BigInteger, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("type", Text, nullable=False),
    Column("payload", JSON, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("chain_id", "payment_id", "version"),
    Index(None, "merchant_id", "position"),
    Index(None, "payment_id", "position"),
    sqlite_autoincrement=True,
)
_REORGED = text("type = 'payment.reorged'")
Index(
    "ix_notifications_reorged",
    notifications.c.merchant_id,
    notifications.c.position,
    sqlite_where=_REORGED,
    postgresql_where=_REORGED,
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("notification_id", Text, ForeignKey("notifications.id"), primary_key=True),
    Column("endpoint_id", Text, ForeignKey("endpoints.id", ondelete="CASCADE"), primary_key=True),
    # Copied from the notification: what must be delivered in order.
    Column("chain_id", BigInteger, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    # Since the delivery was begun, or begun again by a replay; the earlier ones are counted apart.
    Column("attempts", Integer, nullable=False),
    Column("attempts_before_replay", Integer, nullable=False),
    Column("next_attempt_at", BigInteger, nullable=False),
    Column("claimed_until", BigInteger),
    # The process that claimed it, NULL for one that is bounded by time alone; and how often it was claimed so far.
    Column("claimed_by", Text),
    Column("claims", BigInteger, nullable=False, server_default="0"),
    # The notification's: the order of lists.
    Column("position", BigInteger, nullable=False, server_default="0"),
    Index(None, "endpoint_id", "state", "position"),
)
_PENDING = text("state = 'pending'")
Index(
    "ix_deliveries_due",
    deliveries.c.next_attempt_at,
    deliveries.c.version,
    sqlite_where=_PENDING,
    postgresql_where=_PENDING,
)
# No time is NULL, but so it fits no question that names none: PostgreSQL took it for those of the next index.
_DUE_AT_SOME_TIME = text("state = 'pending' AND next_attempt_at IS NOT NULL")
Index(
    "ix_deliveries_due_to_endpoint",
    deliveries.c.endpoint_id,
    deliveries.c.next_attempt_at,
    deliveries.c.version,
    sqlite_where=_PENDING,
    postgresql_where=_DUE_AT_SOME_TIME,
)
# Nothing is added to the state, but so it fits no question but its own, and that one fits no other index. PostgreSQL
# took others where much had been pending once: it thinks an index dear that has far more pages than rows.
_PENDING_IN_ORDER = text("state || '' = 'pending'")
Index(
    "ix_deliveries_in_order",
    deliveries.c.payment_id,
    deliveries.c.chain_id,
    deliveries.c.endpoint_id,
    deliveries.c.version,
    sqlite_where=_PENDING,
    postgresql_where=_PENDING_IN_ORDER,
)

attempts = Table(
    "attempts",
    metadata,
    Column("notification_id", Text, primary_key=True),
    Column("endpoint_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("status_code", Integer),
    Column("error", Text),
    Column("duration_ms", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["notification_id", "endpoint_id"],
        ["deliveries.notification_id", "deliveries.endpoint_id"],
        ondelete="CASCADE",
    ),
)


def notification_of(row: Row[Any]) -> Notification:
    """Return the notification in a row that has its columns."""
    return Notification(
        id=row.id,
        merchant_id=row.merchant_id,
        chain_id=row.chain_id,
        payment_id=Hash32(row.payment_id),
        version=row.version,
        type=row.type,
        payload=row.payload,
        created_at=row.created_at,
    )


def delivery_of(row: Row[Any]) -> Delivery:
    """Return the delivery in a row that has its columns."""
    return Delivery(
        notification_id=row.notification_id,
        endpoint_id=row.endpoint_id,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        claimed_until=row.claimed_until,
        claimed_by=row.claimed_by,
        claims=row.claims,
    )


def attempt_of(row: Row[Any]) -> Attempt:
    """Return the attempt in a row of its table."""
    return Attempt(**row._mapping)

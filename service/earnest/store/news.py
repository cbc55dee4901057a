"""What was told since: notifications in the order in which they became visible, for streams that follow them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, func, select

from earnest.store.outbox_tables import notification_of, notifications
from earnest.store.raw import Fixed
from earnest.store.records import Notification

FIRST: Final = 0
"""The position before every notification."""
_TELLING: Final = 0x4541524E4F5554  # spells EARNOUT; any number would do that nobody else locks by
_KEEPING: Final = Fixed(lambda _: select(func.pg_advisory_xact_lock(_TELLING)))


class News:
    """Notifications by position, a number that rises with each.

    A reader who has seen everything up to a position never finds anything new below it: `keep_order` sees to that.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def newest(self) -> int:
        """Return the position of the newest notification of anybody."""
        return self._connection.execute(select(func.max(notifications.c.position))).scalar() or FIRST

    def merchants_since(self, position: int) -> Mapping[str, int]:
        """Return who was told something after a position: the newest position of each."""
        c = notifications.c
        newest = func.max(c.position).label("newest")
        wanted = select(c.merchant_id, newest).where(c.position > position).group_by(c.merchant_id)
        return {row.merchant_id: row.newest for row in self._connection.execute(wanted)}

    def newest_of(self, merchant_id: str) -> tuple[int, str] | None:
        """Return the position and the id of a merchant's newest notification, None if he was never told anything."""
        c = notifications.c
        wanted = select(c.position, c.id).where(c.merchant_id == merchant_id).order_by(c.position.desc()).limit(1)
        row = self._connection.execute(wanted).one_or_none()
        return (row.position, row.id) if row else None

    def position_of(self, merchant_id: str, notification_id: str) -> int | None:
        """Return the position of a merchant's notification."""
        c = notifications.c
        wanted = select(c.position).where(c.id == notification_id, c.merchant_id == merchant_id)
        return self._connection.execute(wanted).scalar()

    def after(self, merchant_id: str, position: int, limit: int) -> Sequence[tuple[int, Notification]]:
        """Return a merchant's notifications after a position, oldest first, with their positions."""
        c = notifications.c
        wanted = select(notifications).where(c.merchant_id == merchant_id, c.position > position)
        rows = self._connection.execute(wanted.order_by(c.position).limit(limit))
        return [(row.position, notification_of(row)) for row in rows]

    def ids_within(
        self, merchant_id: str, since: int | None, until: int | None, *, types: Collection[str], limit: int
    ) -> Sequence[str]:
        """Return the ids of a merchant's notifications written in `[since, until)`, oldest first; no `types`: all."""
        c = notifications.c
        wanted = select(c.id).where(c.merchant_id == merchant_id)
        if since is not None:
            wanted = wanted.where(c.created_at >= since)
        if until is not None:
            wanted = wanted.where(c.created_at < until)
        if types:
            wanted = wanted.where(c.type.in_(types))
        return self._connection.execute(wanted.order_by(c.position).limit(limit)).scalars().all()


def keep_order(connection: Connection) -> None:
    """Let nobody else add notifications before this transaction ends.

    Positions are given when rows are written and seen when they are committed. Of two writers at once the later one
    could be seen first, and whoever follows the positions would then pass over the other's rows for ever. SQLite has
    one writer anyway; on PostgreSQL the writers (one mirror for each chain) wait for each other here.
    """
    if connection.dialect.name == "postgresql":
        _KEEPING.tell(connection, {})

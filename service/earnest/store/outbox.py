"""The outbox: notifications, and their deliveries to each endpoint."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import (
    Row,
    exists,
    or_,
    select,
)

from earnest.payment.primitives import Hash32
from earnest.store.claims import Claims
from earnest.store.cursors import read_cursor, write_cursor
from earnest.store.due import is_deserted
from earnest.store.endpoints import endpoints
from earnest.store.outbox_adding import add_all
from earnest.store.outbox_tables import (
    attempt_of,
    attempts,
    deliveries,
    delivery_of,
    notification_of,
    notifications,
)
from earnest.store.records import (
    Attempt,
    DeliveryReport,
    DeliveryState,
    Notification,
    Page,
)
from earnest.store.schema import execute_many, in_lists


class Outbox(Claims):
    """Notifications and their deliveries."""

    def add(self, told: Iterable[Notification]) -> None:
        """Add notifications, with one pending delivery to each enabled endpoint of the merchant that wants the type.

        A notification that is there already is left as it is.
        """
        every = {each.id: each for each in told}
        if every:
            add_all(self._connection, list(every.values()))

    def get(self, notification_id: str) -> Notification | None:
        """Return a notification."""
        wanted = select(notifications).where(notifications.c.id == notification_id)
        row = self._connection.execute(wanted).one_or_none()
        return notification_of(row) if row else None

    def page(
        self, merchant_id: str, *, cursor: str | None = None, limit: int = 20, payment_id: Hash32 | None = None
    ) -> Page[Notification]:
        """Return a piece of a merchant's notifications, newest first; raises `InvalidInput` for a strange cursor."""
        c = notifications.c
        wanted = select(notifications)
        if payment_id is None:
            wanted = wanted.where(c.merchant_id == merchant_id)
        else:
            # With nothing added to it the merchant's column fits no index: SQLite would read all that he was told.
            wanted = wanted.where(c.payment_id == payment_id, c.merchant_id + "" == merchant_id)
        if cursor is not None:
            wanted = wanted.where(c.position < read_cursor(cursor, int)[0])
        rows = self._connection.execute(wanted.order_by(c.position.desc()).limit(limit + 1)).all()
        more = len(rows) > limit
        return Page(
            [notification_of(row) for row in rows[:limit]], write_cursor(rows[limit - 1].position) if more else None
        )

    def deliveries(
        self,
        endpoint_id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[DeliveryReport]:
        """Return a piece of an endpoint's deliveries with their attempts, newest first.

        Each state is asked for by itself: then each is a run through one index in the order of the list.
        """
        d = deliveries.c
        wanted = select(deliveries).where(d.endpoint_id == endpoint_id)
        if cursor is not None:
            wanted = wanted.where(d.position < read_cursor(cursor, int)[0])
        wanted = wanted.order_by(d.position.desc()).limit(limit + 1)
        rows: list[Row[Any]] = []
        for each in DeliveryState if state is None else (state,):
            rows += self._connection.execute(wanted.where(d.state == str(each)))
        rows.sort(key=lambda row: row.position, reverse=True)
        shown = rows[:limit]
        ids = {row.notification_id for row in shown}
        told, tries = self._notifications(ids), self._attempts(endpoint_id, ids)
        reports = [
            DeliveryReport(delivery_of(row), told[row.notification_id], tuple(tries.get(row.notification_id, ())))
            for row in shown
        ]
        return Page(reports, write_cursor(shown[-1].position) if len(rows) > limit else None)

    def replay(self, endpoint_id: str, now: int, notification_ids: Collection[str] | None = None) -> int:
        """Make deliveries pending again, due at `now`: these, or all dead ones; returns how many.

        A named notification of the endpoint's merchant that never was to go there (the endpoint is younger) gets a
        delivery. One that a worker is busy with is left to it.
        """
        d = deliveries.c
        this = [d.endpoint_id == endpoint_id, or_(d.claimed_until.is_(None), d.claimed_until <= now, is_deserted())]
        again = deliveries.update().values(
            state="pending",
            attempts_before_replay=d.attempts_before_replay + d.attempts,
            attempts=0,
            next_attempt_at=now,
            claimed_until=None,
            claimed_by=None,
        )
        if notification_ids is None:
            return self._connection.execute(again.where(*this, d.state == "dead")).rowcount
        begun = self._begin_missing(endpoint_id, now, notification_ids)
        replayed = len(begun)
        for some in in_lists(set(notification_ids) - begun):
            replayed += self._connection.execute(again.where(*this, d.notification_id.in_(some))).rowcount
        return replayed

    def _begin_missing(self, endpoint_id: str, now: int, notification_ids: Collection[str]) -> set[str]:
        owner = select(endpoints.c.merchant_id).where(endpoints.c.id == endpoint_id).scalar_subquery()
        there = exists().where(
            deliveries.c.notification_id == notifications.c.id, deliveries.c.endpoint_id == endpoint_id
        )
        begun: list[dict[str, Any]] = []
        for some in in_lists(notification_ids):
            missing = select(notifications).where(notifications.c.id.in_(some), notifications.c.merchant_id == owner)
            rows = self._connection.execute(missing.where(~there)).all()
            begun += [_begun(notification_of(row), endpoint_id, now, row.position) for row in rows]
        execute_many(self._connection, deliveries.insert(), begun)
        return {each["notification_id"] for each in begun}

    def _notifications(self, ids: Collection[str]) -> dict[str, Notification]:
        return {
            row.id: notification_of(row)
            for some in in_lists(ids)
            for row in self._connection.execute(select(notifications).where(notifications.c.id.in_(some)))
        }

    def _attempts(self, endpoint_id: str, notification_ids: Collection[str]) -> dict[str, list[Attempt]]:
        found: dict[str, list[Attempt]] = {}
        for some in in_lists(notification_ids):
            wanted = select(attempts).where(attempts.c.endpoint_id == endpoint_id, attempts.c.notification_id.in_(some))
            for row in self._connection.execute(wanted.order_by(attempts.c.number)):
                found.setdefault(row.notification_id, []).append(attempt_of(row))
        return found


def _begun(notification: Notification, endpoint_id: str, due_at: int, position: int) -> dict[str, Any]:
    return {
        "notification_id": notification.id,
        "endpoint_id": endpoint_id,
        "chain_id": notification.chain_id,
        "payment_id": notification.payment_id,
        "version": notification.version,
        "state": "pending",
        "attempts": 0,
        "attempts_before_replay": 0,
        "next_attempt_at": due_at,
        "position": position,
    }

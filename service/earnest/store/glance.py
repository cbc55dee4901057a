"""What a merchant sees of his account at a glance: what is due, what failed, what a reorg took back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, literal_column, select

from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.store.outbox_tables import attempts, deliveries, delivery_of, notification_of, notifications
from earnest.store.payment_pages import WHOLE, passive
from earnest.store.payment_table import payment_of, payments
from earnest.store.records import Delivery, Notification

COUNTED_AT_MOST: Final = 1_000
"""Whether a thousand deliveries wait or more makes no difference to whoever has to look."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """An endpoint's deliveries that were given up, and those that failed and are tried again; each counted to 1,000."""

    dead: int
    failing: int


@dataclass(frozen=True, slots=True)
class Carried:
    """One delivery and how its last try ended; both None before the first one."""

    delivery: Delivery
    status_code: int | None
    error: str | None


class Glance:
    """Small questions whose answers stay cheap however much there is."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def due(self, merchant_id: str, chain_id: int, until: int, limit: int) -> Sequence[Payment]:
        """Return paid payments whose time to deliver ends before `until` (Unix, chain time), the first ones first.

        It goes through all that the merchant still has to deliver.
        """
        c = payments.c
        end = c.since + c.delivery_period
        first = select(c.id).where(c.account == merchant_id, c.status == Status.FUNDED.value)
        first = first.where(passive(c.chain_id) == chain_id, end < until).order_by(end, passive(c.id)).limit(limit)
        # Of those alone that are shown is the whole row read.
        ids = list(self._connection.execute(first).scalars())
        wanted = select(*WHOLE).where(c.chain_id == chain_id, c.id.in_(ids)).order_by(end, passive(c.id))
        return [payment_of(row) for row in self._connection.execute(wanted)] if ids else []

    def trouble(self, endpoint_ids: Collection[str]) -> Mapping[str, Trouble]:
        """Return what does not arrive, by endpoint."""
        d = deliveries.c
        found: dict[str, Trouble] = {}
        for endpoint_id in endpoint_ids:
            dead = self._count(d.endpoint_id == endpoint_id, d.state == "dead")
            failing = self._count(d.endpoint_id == endpoint_id, d.state == "pending", d.attempts > 0)
            found[endpoint_id] = Trouble(dead, failing)
        return found

    def reorged(self, merchant_id: str, since: int, limit: int) -> Sequence[Notification]:
        """Return what a reorg took back since then (wall time, Unix), newest first."""
        c = notifications.c
        # In the very words of the partial index. The newest come first: how old they are is looked at after that.
        reorged = select(notifications).where(
            c.merchant_id == merchant_id, c.type == literal_column("'payment.reorged'")
        )
        rows = self._connection.execute(reorged.order_by(c.position.desc()).limit(limit))
        return [notification_of(row) for row in rows if row.created_at >= since]

    def carried(self, notification_ids: Collection[str]) -> Mapping[str, Sequence[Carried]]:
        """Return how far some notifications have come, by their ids: one entry for each endpoint."""
        d, a = deliveries.c, attempts.c
        ids = list(notification_ids)
        numbers = select(a.notification_id, a.endpoint_id, func.max(a.number).label("number"))
        last = numbers.where(a.notification_id.in_(ids)).group_by(a.notification_id, a.endpoint_id).subquery()
        tries = select(attempts).join(
            last,
            (a.notification_id == last.c.notification_id)
            & (a.endpoint_id == last.c.endpoint_id)
            & (a.number == last.c.number),
        )
        ended = {(row.notification_id, row.endpoint_id): row for row in self._connection.execute(tries)}
        found: dict[str, list[Carried]] = {}
        for row in self._connection.execute(select(deliveries).where(d.notification_id.in_(ids))):
            end = ended.get((row.notification_id, row.endpoint_id))
            carried = Carried(delivery_of(row), end.status_code if end else None, end.error if end else None)
            found.setdefault(row.notification_id, []).append(carried)
        return found

    def _count(self, *conditions: object) -> int:
        some = select(deliveries.c.version).where(*conditions).limit(COUNTED_AT_MOST).subquery()  # type: ignore[arg-type]
        return int(self._connection.execute(select(func.count()).select_from(some)).scalar_one())

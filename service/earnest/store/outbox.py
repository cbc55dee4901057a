"""The outbox: notifications, and their deliveries to each endpoint."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    exists,
    or_,
    select,
    tuple_,
)

from earnest.payment.errors import NotFound
from earnest.payment.primitives import Hash32
from earnest.store.bulk import Upsert
from earnest.store.cursors import read_cursor, write_cursor
from earnest.store.endpoints import endpoints
from earnest.store.errors import ClaimLost
from earnest.store.news import keep_order
from earnest.store.outbox_tables import (
    attempt_of,
    attempts,
    deliveries,
    delivery_of,
    notification_of,
    notifications,
)
from earnest.store.processes import alive, processes
from earnest.store.raw import Fixed, is_one_of, many
from earnest.store.records import (
    Attempt,
    Delivery,
    DeliveryReport,
    DeliveryState,
    Endpoint,
    Notification,
    Page,
)
from earnest.store.schema import columns_of, execute_many, in_lists

LONGEST_WAIT_SECONDS: Final = 2 * 86_400
"""No plan puts a try off longer, and no lease lasts so long. What lies further ahead was written by a clock that was
wrong, and waiting for it could take years."""


class Outbox:
    """Notifications and their deliveries."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, told: Iterable[Notification]) -> None:
        """Add notifications, with one pending delivery to each enabled endpoint of the merchant that wants the type.

        A notification that is there already is left as it is.
        """
        every = {each.id: each for each in told}
        if not every:
            return
        known = _KNOWN.ask_later(self._connection, {"ids": many(every, self._connection.dialect.name)})
        listening = self._listening({each.merchant_id for each in every.values()})
        for id_, _ in known():
            del every[id_]
        if not every:
            return
        keep_order(self._connection)
        _ADDING.write(self._connection, [_row(each) for each in every.values()])
        to_tell = [
            (each, endpoint_id)
            for each in every.values()
            for endpoint_id, types in listening.get(each.merchant_id, ())
            if not types or each.type in types
        ]
        if not to_tell:
            return
        asked = {"ids": many({each.id for each, _ in to_tell}, self._connection.dialect.name)}
        position: dict[str, int] = dict(_KNOWN.ask(self._connection, asked))
        begun = [tuple(_begun(each, where, each.created_at, position[each.id]).values()) for each, where in to_tell]
        _BEGINNING.write(self._connection, begun)

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

    def claim(
        self,
        now: int,
        limit: int,
        lease_seconds: int,
        *,
        by: str | None = None,
        but_of: Collection[str] = (),
        but_to: Collection[str] = (),
    ) -> Sequence[tuple[Delivery, Notification, Endpoint]]:
        """Claim deliveries that are due; nobody else gets them before `now + lease_seconds`.

        A claim `by` a process ends with it too: when it leaves, or as soon as it falls silent.
        Left out are those `but_of` these merchants and `but_to` these endpoints, for which enough is under way.
        In order per payment and endpoint: none is given while an earlier version of the same payment is pending there.
        """
        d, until = deliveries.c, now + lease_seconds
        asked = {"now": now, "absurd": now + LONGEST_WAIT_SECONDS, "most": limit}
        busy = {"but_of": list(but_of), "but_to": list(but_to)}
        rows = self._connection.execute(_DUE, asked | busy).all()
        if len(rows) < limit:
            rows = [*rows, *self._connection.execute(_DUE_BY_A_WRONG_CLOCK, asked | busy | {"most": limit - len(rows)})]
        claimed = [replace(delivery_of(row), claimed_until=until, claimed_by=by, claims=row.claims + 1) for row in rows]
        if not claimed:
            return ()
        keys = [(each.notification_id, each.endpoint_id) for each in claimed]
        for some in in_lists(keys):
            # The first condition follows from the second, and only by the first does SQLite use an index.
            these = (
                d.notification_id.in_([id_ for id_, _ in some]),
                tuple_(d.notification_id, d.endpoint_id).in_(some),
            )
            taken = deliveries.update().where(*these)
            self._connection.execute(taken.values(claimed_until=until, claimed_by=by, claims=d.claims + 1))
        told = self._notifications({each.notification_id for each in claimed})
        where = self._endpoints(endpoints.c.id.in_({each.endpoint_id for each in claimed}))
        return [(each, told[each.notification_id], where[each.endpoint_id]) for each in claimed]

    def give_back(self, notification_id: str, endpoint_id: str, claim: int) -> None:
        """End one claim, if it is still the newest: the delivery is due again as it was."""
        c = deliveries.c
        this = and_(c.notification_id == notification_id, c.endpoint_id == endpoint_id, c.claims == claim)
        self._connection.execute(deliveries.update().where(this).values(claimed_until=None, claimed_by=None))

    def record(
        self, attempt: Attempt, state: DeliveryState, *, retry_at: int | None = None, claim: int | None = None
    ) -> None:
        """Write down an attempt and what follows: delivered, dead, or pending again at `retry_at`.

        A delivery that succeeded stays so, whatever a worker whose lease ran out may report later. `attempt.number`
        gives way to the next free one. `claim` is the claimed delivery's `claims`; None: whatever the claim.

        Raises:
            NotFound: there is no such delivery (any more): its endpoint was deleted.
            ClaimLost: it was claimed anew since; nothing is written.
        """
        this = and_(
            deliveries.c.notification_id == attempt.notification_id, deliveries.c.endpoint_id == attempt.endpoint_id
        )
        row = self._connection.execute(select(deliveries).where(this).with_for_update()).one_or_none()
        if row is None:
            raise NotFound(f"notification {attempt.notification_id} has no delivery to {attempt.endpoint_id}")
        if claim is not None and row.claims != claim:
            raise ClaimLost(
                f"notification {attempt.notification_id} to {attempt.endpoint_id} was claimed by another worker since; "
                "what comes of this try is not recorded"
            )
        number = row.attempts_before_replay + row.attempts + 1
        self._connection.execute(attempts.insert(), columns_of(replace(attempt, number=number)))
        changes: dict[str, Any] = {"attempts": row.attempts + 1, "claimed_until": None, "claimed_by": None}
        if row.state != DeliveryState.DELIVERED:
            changes["state"] = str(state)
            changes["next_attempt_at"] = row.next_attempt_at if retry_at is None else retry_at
        self._connection.execute(deliveries.update().where(this).values(changes))

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
        this = [d.endpoint_id == endpoint_id, or_(d.claimed_until.is_(None), d.claimed_until <= now, _is_deserted())]
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

    def _listening(self, merchant_ids: set[str]) -> dict[str, list[tuple[str, Collection[str]]]]:
        """Return the enabled endpoints of merchants, and of which types each wants to be told."""
        by_merchant: dict[str, list[tuple[str, Collection[str]]]] = {}
        asked = {"merchants": many(merchant_ids, self._connection.dialect.name)}
        for id_, merchant_id, types in _LISTENING.ask(self._connection, asked):
            by_merchant.setdefault(merchant_id, []).append((id_, types.split()))
        return by_merchant

    def _endpoints(self, condition: Any) -> dict[str, Endpoint]:
        rows = self._connection.execute(select(endpoints).where(condition).order_by(endpoints.c.id))
        return {row.id: Endpoint(**row._mapping) for row in rows}

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


def _row(notification: Notification) -> tuple[Any, ...]:
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


_KNOWN: Final = Fixed(
    lambda dialect: select(notifications.c.id, notifications.c.position).where(
        is_one_of(notifications.c.id, "ids", dialect)
    )
)
_LISTENING: Final = Fixed(
    lambda dialect: (
        select(endpoints.c.id, endpoints.c.merchant_id, endpoints.c.types)
        .where(is_one_of(endpoints.c.merchant_id, "merchants", dialect), endpoints.c.disabled_at.is_(None))
        .order_by(endpoints.c.id)
    )
)
_GIVEN: Final = ("id", "merchant_id", "chain_id", "payment_id", "version", "type", "payload", "created_at")
_BEGUN: Final = (
    *("notification_id", "endpoint_id", "chain_id", "payment_id", "version"),
    *("state", "attempts", "attempts_before_replay", "next_attempt_at", "position"),
)
_ADDING: Final = Upsert(notifications, _GIVEN, ("id",))
_BEGINNING: Final = Upsert(deliveries, _BEGUN, ("notification_id", "endpoint_id"))
"""Both past SQLAlchemy: half of what a notification took on its way into the database was spent there."""


def _earlier_is_pending() -> Any:
    earlier, d = deliveries.alias("earlier"), deliveries.c
    return exists().where(
        earlier.c.endpoint_id == d.endpoint_id,
        earlier.c.chain_id == d.chain_id,
        earlier.c.payment_id == d.payment_id,
        earlier.c.state == "pending",
        earlier.c.version < d.version,
    )


def _is_deserted() -> ColumnElement[bool]:
    """Return the condition that a claim's process has ended or fallen silent."""
    is_there = exists().where(processes.c.id == deliveries.c.claimed_by, alive())
    return and_(deliveries.c.claimed_by.is_not(None), ~is_there)


def _due(*, by_a_wrong_clock: bool) -> Select[Any]:
    """Return the question for what is due. One for both would go through all that waits for its next try."""
    d = deliveries.c
    now: BindParameter[int] = bindparam("now", type_=BigInteger)
    absurd: BindParameter[int] = bindparam("absurd", type_=BigInteger)
    return (
        select(deliveries)
        .join(endpoints, endpoints.c.id == d.endpoint_id)
        .where(d.state == "pending", endpoints.c.disabled_at.is_(None))
        .where(d.next_attempt_at > absurd if by_a_wrong_clock else d.next_attempt_at <= now)
        .where(or_(d.claimed_until.is_(None), d.claimed_until <= now, d.claimed_until > absurd, _is_deserted()))
        .where(endpoints.c.merchant_id.not_in(bindparam("but_of", expanding=True)))
        .where(endpoints.c.id.not_in(bindparam("but_to", expanding=True)), ~_earlier_is_pending())
        .order_by(d.next_attempt_at, d.version)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(of=deliveries, skip_locked=True)
    )


# Built once: they are asked several times a second, and building one takes longer than the answer.
_DUE: Final = _due(by_a_wrong_clock=False)
_DUE_BY_A_WRONG_CLOCK: Final = _due(by_a_wrong_clock=True)

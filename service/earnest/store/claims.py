"""What a deliverer asks of the outbox: what is due, claimed so that nobody else tries it, and what came of a try.

It is asked several times a second, and around each try, so all of it goes past SQLAlchemy: see `raw`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from earnest.payment.errors import EarnestError, NotFound
from earnest.payment.primitives import Hash32
from earnest.store.endpoints import endpoints
from earnest.store.errors import ClaimLost
from earnest.store.outbox_tables import attempts, deliveries, notifications
from earnest.store.processes import alive, processes
from earnest.store.raw import Fixed, is_one_of, many, sent_together
from earnest.store.records import Attempt, Delivery, DeliveryState, Endpoint, Notification
from earnest.store.schema import columns_of

LONGEST_WAIT_SECONDS: Final = 2 * 86_400
"""No plan puts a try off longer, and no lease lasts so long. What lies further ahead was written by a clock that was
wrong, and waiting for it could take years."""
_PENDING: Final[ColumnElement[Any]] = literal_column("'pending'")
"""Written out: what is given as a parameter makes SQLite think its plan over each time, lest the index of what is
pending do not fit, and keeps PostgreSQL from keeping a plan with that index at all."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt and what follows from it: see `Claims.record`."""

    attempt: Attempt
    state: DeliveryState
    retry_at: int | None = None
    claim: int | None = None

    @property
    def key(self) -> dict[str, Any]:
        """Whose delivery it was."""
        return {"to_tell": self.attempt.notification_id, "to": self.attempt.endpoint_id}


class Claims:
    """The deliverer's side of the outbox."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        dialect, until = self._connection.dialect.name, now + lease_seconds
        asked = {"now": now, "absurd": now + LONGEST_WAIT_SECONDS, "most": limit}
        busy = {"but_of": many(but_of, dialect), "but_to": many(but_to, dialect)}
        with sent_together(self._connection):
            due, by_a_wrong_clock = (each.ask_later(self._connection, asked | busy) for each in (_DUE, _DUE_LONG_AFTER))
        rows = (due() + by_a_wrong_clock())[:limit]
        if not rows:
            return ()
        claimed = [_claimed(row, until, by) for row in rows]
        with sent_together(self._connection):
            _TAKEN.tell_each(
                self._connection,
                [
                    {"to_tell": each.notification_id, "to": each.endpoint_id, "until": until, "by": by}
                    for each, _, _ in claimed
                ],
            )
        return claimed

    def give_back(self, notification_id: str, endpoint_id: str, claim: int) -> None:
        """End one claim, if it is still the newest: the delivery is due again as it was."""
        _GIVEN_BACK.tell(self._connection, {"to_tell": notification_id, "to": endpoint_id, "claim": claim})

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
        tried = Tried(attempt, state, retry_at, claim)
        (row,) = _OF_A_TRY.ask(self._connection, tried.key) or (None,)
        if refusal := _refusal(tried, row):
            raise refusal
        self._write([(tried, row)])

    def record_at_once(self, tries: Iterable[Tried]) -> Sequence[Tried]:
        """Write down tries as `record` does, without waiting for anybody, and return those that were left out.

        They are those that `record` would raise for, and those whose delivery somebody else holds at this moment (an
        endpoint that is being deleted, say): nothing is written for them.
        """
        with sent_together(self._connection):
            asked = [(each, _OF_A_FREE_TRY.ask_later(self._connection, each.key)) for each in tries]
        found = [(each, next(iter(rows()), None)) for each, rows in asked]
        self._write([(each, row) for each, row in found if _refusal(each, row) is None])
        return [each for each, row in found if _refusal(each, row)]

    def _write(self, tries: Sequence[tuple[Tried, Any]]) -> None:
        written = [columns_of(each.attempt) | {"number": sum(row[:2]) + 1} for each, row in tries]
        ended = [each.key | {"ends_as": str(each.state), "retry_at": each.retry_at} for each, _ in tries]
        with sent_together(self._connection):
            _WRITTEN.tell_each(self._connection, written)
            _ENDED.tell_each(self._connection, ended)


def _refusal(tried: Tried, row: Any) -> EarnestError | None:
    """Return why a try is not recorded, given the columns of `_of_a_try`."""
    attempt = tried.attempt
    if row is None:
        return NotFound(f"notification {attempt.notification_id} has no delivery to {attempt.endpoint_id}")
    if tried.claim is not None and row[2] != tried.claim:
        return ClaimLost(
            f"notification {attempt.notification_id} to {attempt.endpoint_id} was claimed by another worker since; "
            "what comes of this try is not recorded"
        )
    return None


def is_deserted() -> ColumnElement[bool]:
    """Return the condition that a claim's process has ended or fallen silent."""
    is_there = exists().where(processes.c.id == deliveries.c.claimed_by, alive())
    return and_(deliveries.c.claimed_by.is_not(None), ~is_there)


def _earlier_is_pending() -> Any:
    earlier, d = deliveries.alias("earlier"), deliveries.c
    return exists().where(
        earlier.c.endpoint_id == d.endpoint_id,
        earlier.c.chain_id == d.chain_id,
        earlier.c.payment_id == d.payment_id,
        earlier.c.state == _PENDING,
        earlier.c.version < d.version,
    )


def _due(dialect: str, *, by_a_wrong_clock: bool) -> Select[Any]:
    """Return the question for what is due. One for both would go through all that waits for its next try."""
    d, n, e = deliveries.c, notifications.c, endpoints.c
    now: BindParameter[int] = bindparam("now", type_=BigInteger)
    absurd: BindParameter[int] = bindparam("absurd", type_=BigInteger)
    due = (
        select(d.notification_id, d.endpoint_id, d.version, d.attempts, d.next_attempt_at, d.claims)
        .join(endpoints, e.id == d.endpoint_id)
        .where(d.state == _PENDING, e.disabled_at.is_(None))
        .where(d.next_attempt_at > absurd if by_a_wrong_clock else d.next_attempt_at <= now)
        .where(or_(d.claimed_until.is_(None), d.claimed_until <= now, d.claimed_until > absurd, is_deserted()))
        .where(~is_one_of(e.merchant_id, "but_of", dialect), ~is_one_of(e.id, "but_to", dialect))
        .where(~_earlier_is_pending())
        .order_by(d.next_attempt_at, d.version)
        .limit(bindparam("most", type_=Integer))
        .with_for_update(of=deliveries, skip_locked=True)
        .cte("due")
    )
    told = (n.merchant_id, n.chain_id, n.payment_id, n.version, n.type, cast(n.payload, Text), n.created_at)
    where = (e.id, e.merchant_id, e.url, cast(e.types, Text), e.secret_encrypted, e.created_at)
    return (
        select(due.c.notification_id, due.c.attempts, due.c.next_attempt_at, due.c.claims, *told, *where)
        .join(notifications, n.id == due.c.notification_id)
        .join(endpoints, e.id == due.c.endpoint_id)
        .order_by(due.c.next_attempt_at, due.c.version)
    )


def _claimed(row: Any, until: int, by: str | None) -> tuple[Delivery, Notification, Endpoint]:
    """Return what a row of `_due` tells, claimed."""
    id_, tries, next_attempt_at, claims, *told = row
    merchant_id, chain_id, payment_id, version, type_, payload, created_at = told[:7]
    endpoint_id, owner, url, types, secret, made_at = told[7:]
    delivery = Delivery(id_, endpoint_id, DeliveryState.PENDING, tries, next_attempt_at, until, by, claims + 1)
    payload = msgspec.json.decode(payload)
    notification = Notification(id_, merchant_id, chain_id, Hash32(payment_id), version, type_, payload, created_at)
    return delivery, notification, Endpoint(endpoint_id, owner, url, frozenset(types.split()), bytes(secret), made_at)


def _this() -> ColumnElement[bool]:
    return and_(deliveries.c.notification_id == bindparam("to_tell"), deliveries.c.endpoint_id == bindparam("to"))


def _of_a_try(*, wait: bool) -> Select[Any]:
    d = deliveries.c
    return select(d.attempts_before_replay, d.attempts, d.claims).where(_this()).with_for_update(skip_locked=not wait)


_DUE: Final = Fixed(lambda dialect: _due(dialect, by_a_wrong_clock=False))
_DUE_LONG_AFTER: Final = Fixed(lambda dialect: _due(dialect, by_a_wrong_clock=True))
_FREE: Final = {"claimed_until": null(), "claimed_by": null()}
_TAKEN: Final = Fixed(
    lambda _: (
        update(deliveries)
        .where(_this())
        .values(claimed_until=bindparam("until"), claimed_by=bindparam("by"), claims=deliveries.c.claims + 1)
    )
)
_GIVEN_BACK: Final = Fixed(
    lambda _: update(deliveries).where(_this(), deliveries.c.claims == bindparam("claim")).values(_FREE)
)
_OF_A_TRY: Final = Fixed(lambda _: _of_a_try(wait=True))
_OF_A_FREE_TRY: Final = Fixed(lambda _: _of_a_try(wait=False))
_WRITTEN: Final = Fixed(lambda _: attempts.insert())
_ENDED: Final = Fixed(
    lambda _: (
        update(deliveries)
        .where(_this())
        .values(
            _FREE
            | {
                "attempts": deliveries.c.attempts + 1,
                "state": _unless_delivered(deliveries.c.state, bindparam("ends_as", type_=Text)),
                "next_attempt_at": _unless_delivered(
                    deliveries.c.next_attempt_at,
                    func.coalesce(bindparam("retry_at", type_=BigInteger), deliveries.c.next_attempt_at),
                ),
            }
        )
    )
)


def _unless_delivered(kept: Any, new: Any) -> Any:
    return case((deliveries.c.state == literal_column("'delivered'"), kept), else_=new)

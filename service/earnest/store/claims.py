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
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    case,
    cast,
    exists,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
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
_ENDS: Final[tuple[ColumnElement[Any], ...]] = tuple(
    literal_column(f"'{each}'") for each in (DeliveryState.DELIVERED, DeliveryState.DEAD)
)
LOOKED_AT: Final = 200
"""So much of what is due longest is looked at first, and no more: what nobody may be given now, since its endpoint is
disabled or has enough under way, can be any number. Where less is due, nobody has to ask for each endpoint what is due
to it, which is dearer where many are told something."""
_LOOKED_AT: Final[ColumnElement[Any]] = literal_column(str(LOOKED_AT))
_NOW: Final[BindParameter[int]] = bindparam("now", type_=BigInteger)
_ABSURD: Final[BindParameter[int]] = bindparam("absurd", type_=BigInteger)
_MOST: Final[BindParameter[int]] = bindparam("most", type_=Integer)
_CLAIMED: Final = tuple(
    deliveries.c[each]
    for each in ("notification_id", "endpoint_id", "version", "attempts", "next_attempt_at", "claims")
)


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
        questions = (_DUE_OF_THE_OLDEST, _DUE_LONG_AFTER, _MORE_ARE_DUE)
        with sent_together(self._connection):
            due, by_a_wrong_clock, more = (each.ask_later(self._connection, asked | busy) for each in questions)
        of_the_oldest = due()
        may_miss_some = len(of_the_oldest) < limit and more()
        due_now = _DUE_TO_EACH.ask(self._connection, asked | busy) if may_miss_some else of_the_oldest
        rows = (due_now + by_a_wrong_clock())[:limit]
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


def is_deserted(d: FromClause = deliveries) -> ColumnElement[bool]:
    """Return the condition that a claim's process has ended or fallen silent."""
    is_there = exists().where(processes.c.id == d.c.claimed_by, alive())
    return and_(d.c.claimed_by.is_not(None), ~is_there)


def _none_before_is_pending(d: FromClause) -> ColumnElement[bool]:
    earlier = deliveries.alias("earlier")
    one: Select[Any] = (
        select(literal_column("true"))
        .where(
            earlier.c.endpoint_id == d.c.endpoint_id,
            earlier.c.chain_id == d.c.chain_id,
            earlier.c.payment_id == d.c.payment_id,
            earlier.c.state == _PENDING,
            earlier.c.version < d.c.version,
        )
        .limit(literal_column("1"))
        .correlate(d)
    )
    # For NOT EXISTS PostgreSQL may read all that is pending to an endpoint, where its statistics lag behind.
    return not_(func.coalesce(one.scalar_subquery(), literal_column("false")))


def _is_due(d: FromClause) -> ColumnElement[bool]:
    return and_(d.c.state == _PENDING, d.c.next_attempt_at <= _NOW)


def _is_still_due(d: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row is still due which was when it was seen: another may have changed it since.

    It is written so that no index fits it: rows are looked at where they were seen, however large that index is.
    """
    return and_(d.c.state.not_in(_ENDS), d.c.next_attempt_at <= _NOW)


def _may_be_claimed(d: FromClause) -> ColumnElement[bool]:
    return and_(_is_free(d), _none_before_is_pending(d))


def _is_free(d: FromClause) -> ColumnElement[bool]:
    until = d.c.claimed_until
    return or_(until.is_(None), until <= _NOW, until > _ABSURD, is_deserted(d))


def _place(d: FromClause, dialect: str) -> ColumnElement[Any]:
    """Return where a row lies: the quickest way back to it, within one statement."""
    return literal_column(f"{d.description}.{'ctid' if dialect == 'postgresql' else 'rowid'}").label("place")


def _due_of_the_oldest(dialect: str) -> Select[Any]:
    """Return the question for what is due among the `LOOKED_AT` that have been so for longest."""
    d = deliveries.alias("d")
    oldest = (
        select(_place(d, dialect), d.c.next_attempt_at, d.c.version)
        .where(_is_due(d))
        .order_by(d.c.next_attempt_at, d.c.version)
        .limit(_LOOKED_AT)
        .subquery("oldest")
    )
    due = (
        select(*_CLAIMED)
        .select_from(oldest.join(deliveries, oldest.c.place == _place(deliveries, dialect).element))
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .where(_may_be_claimed(deliveries), *_is_enabled(dialect))
    )
    if dialect == "postgresql":
        due = due.where(_is_still_due(deliveries)).order_by(oldest.c.next_attempt_at, oldest.c.version)
    # SQLite would look at all of them to sort them, and not stop at the first that may be claimed. They come sorted.
    return _told(due)


def _due_to_each(dialect: str) -> Select[Any]:
    """Return the question for what is due by each endpoint's oldest, however much is due to others."""
    d = deliveries.alias("d")
    first = (
        select(_place(d, dialect))
        .where(d.c.endpoint_id == endpoints.c.id, _is_due(d), _may_be_claimed(d))
        .order_by(d.c.next_attempt_at, d.c.version)
        .limit(_MOST)
        .correlate(endpoints)
    )
    place = _place(deliveries, dialect).element
    is_asked = (endpoints.c.id.in_(_told_of_something()), *_is_enabled(dialect))
    if dialect == "postgresql":
        firsts = first.lateral("firsts")
        places = select(firsts.c.place).select_from(endpoints.join(firsts, true())).where(*is_asked)
        due = select(*_CLAIMED).where(place == any_(func.array(places.scalar_subquery())))
        due = due.where(_is_still_due(deliveries), _is_free(deliveries))
    else:
        due = select(*_CLAIMED).select_from(endpoints.join(deliveries, place.in_(first))).where(*is_asked)
    return _told(due.order_by(deliveries.c.next_attempt_at, deliveries.c.version))


def _told_of_something() -> Select[Any]:
    """Return the question for the endpoints to which anything is pending: from one to the next in the index.

    None is without a chain; but of the indexes only that of what is pending knows it.
    """
    d = deliveries.c
    pending = select(func.min(d.endpoint_id).label("id")).where(d.state == _PENDING, d.chain_id.is_not(None))
    found = pending.cte("pending_to", recursive=True)
    after = pending.where(d.endpoint_id > found.c.id).correlate(found).scalar_subquery()
    every = found.union_all(select(after).where(found.c.id.is_not(None)))
    return select(every.c.id).where(every.c.id.is_not(None))


def _due_long_after(dialect: str) -> Select[Any]:
    """Return the question for what a wrong clock put off. One for all would go through what waits for its next try."""
    d = deliveries.c
    return _told(
        select(*_CLAIMED)
        .join(endpoints, endpoints.c.id == d.endpoint_id)
        .where(d.state == _PENDING, d.next_attempt_at > _ABSURD, _may_be_claimed(deliveries), *_is_enabled(dialect))
        .order_by(d.next_attempt_at, d.version)
    )


def _more_are_due(_: str) -> Select[Any]:
    d = deliveries.c
    oldest = select(d.version).where(_is_due(deliveries)).order_by(d.next_attempt_at, d.version)
    return oldest.limit(literal_column("1")).offset(_LOOKED_AT)


def _is_enabled(dialect: str) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions that an endpoint is enabled, and that there is not enough under way for it."""
    e = endpoints.c
    is_busy = (is_one_of(e.merchant_id, "but_of", dialect), is_one_of(e.id, "but_to", dialect))
    return e.disabled_at.is_(None), *(~each for each in is_busy)


def _told(rows: Select[Any]) -> Select[Any]:
    """Return the first of these rows, locked, with all that is told of them."""
    n, e = notifications.c, endpoints.c
    due = rows.limit(_MOST).with_for_update(of=deliveries, skip_locked=True).cte("due")
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


_DUE_OF_THE_OLDEST: Final = Fixed(_due_of_the_oldest)
_MORE_ARE_DUE: Final = Fixed(_more_are_due)
_DUE_TO_EACH: Final = Fixed(_due_to_each)
_DUE_LONG_AFTER: Final = Fixed(_due_long_after)
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

"""The questions for what is due, as a claim asks them: in order, of those who may be told something now.

What a deliverer reads for an answer does not grow with what was told, nor with what waits for others.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    FromClause,
    Integer,
    Select,
    Text,
    and_,
    any_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    not_,
    or_,
    select,
    true,
)

from earnest.store.endpoints import endpoints
from earnest.store.outbox_tables import deliveries, notifications
from earnest.store.processes import alive, processes
from earnest.store.raw import Fixed, is_one_of
from earnest.store.records import DeliveryState

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


def is_deserted(d: FromClause = deliveries) -> ColumnElement[bool]:
    """Return the condition that a claim's process has ended or fallen silent."""
    is_there = exists().where(processes.c.id == d.c.claimed_by, alive())
    return and_(d.c.claimed_by.is_not(None), ~is_there)


def _none_before_is_pending(d: FromClause, dialect: str) -> ColumnElement[bool]:
    earlier = deliveries.alias("earlier")
    same_endpoint, pending = earlier.c.endpoint_id == d.c.endpoint_id, earlier.c.state == _PENDING
    if dialect == "postgresql":
        # In the words of the index, so that only that one fits. It goes by what it expects to find, and where its
        # statistics lag behind that is hardly anything of what is pending to an endpoint: it would read all of that.
        nothing = literal_column("''", Text)
        same_endpoint, pending = (
            earlier.c.endpoint_id + nothing == d.c.endpoint_id,
            earlier.c.state + nothing == _PENDING,
        )
    one: Select[Any] = (
        select(literal_column("true"))
        .where(
            earlier.c.payment_id == d.c.payment_id,
            earlier.c.chain_id == d.c.chain_id,
            same_endpoint,
            pending,
            earlier.c.version < d.c.version,
        )
        .limit(literal_column("1"))
        .correlate(d)
    )
    # For NOT EXISTS PostgreSQL may read all that is pending, once for all rows.
    return not_(func.coalesce(one.scalar_subquery(), literal_column("false")))


def _is_due(d: FromClause) -> ColumnElement[bool]:
    return and_(d.c.state == _PENDING, d.c.next_attempt_at <= _NOW)


def _is_still_due(d: FromClause) -> ColumnElement[bool]:
    """Return the condition that a row is still due which was when it was seen: another may have changed it since.

    It is written so that no index fits it: rows are looked at where they were seen, however large that index is.
    """
    return and_(d.c.state.not_in(_ENDS), d.c.next_attempt_at <= _NOW)


def _may_be_claimed(d: FromClause, dialect: str) -> ColumnElement[bool]:
    return and_(_is_free(d), _none_before_is_pending(d, dialect))


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
        .where(_may_be_claimed(deliveries, dialect), *_is_enabled(dialect))
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
        .where(d.c.endpoint_id == endpoints.c.id, _is_due(d), _may_be_claimed(d, dialect))
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

    None is without a time; but of the indexes only those of what is due know it.
    """
    d = deliveries.c
    pending = select(func.min(d.endpoint_id).label("id")).where(d.state == _PENDING, d.next_attempt_at.is_not(None))
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
        .where(
            d.state == _PENDING,
            d.next_attempt_at > _ABSURD,
            _may_be_claimed(deliveries, dialect),
            *_is_enabled(dialect),
        )
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


DUE_OF_THE_OLDEST: Final = Fixed(_due_of_the_oldest)
MORE_ARE_DUE: Final = Fixed(_more_are_due)
DUE_TO_EACH: Final = Fixed(_due_to_each)
DUE_LONG_AFTER: Final = Fixed(_due_long_after)

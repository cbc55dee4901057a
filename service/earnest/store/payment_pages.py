"""Which payments a list shows. However many there are, a page costs what its rows cost.

Each status, each chain and each finality is asked for by itself: then every question is a run through one index in the
order of the list, and what was found is merged here. One question with all of them would be answered by going through
the merchant's payments until enough fit.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import product
from typing import Any, Final, NamedTuple

from sqlalchemy import Column, Connection, Row, Text, and_, false, literal_column, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from earnest.payment.status import Finality, Status
from earnest.store.blocks import chains
from earnest.store.dismissals import is_dismissed_in
from earnest.store.payment_table import payments
from earnest.store.records import PaymentFilter

WHOLE: Final = (payments, is_dismissed_in(payments).label("operator_dismissed"))
ORDER: Final = (payments.c.recorded_at, payments.c.chain_id, payments.c.id)
_KEY: Final = (payments.c.chain_id, payments.c.id)
Conditions = tuple[ColumnElement[bool], ...]
_IS_CREATED: Final = payments.c.status == literal_column("'created'")
"""In the very words of the partial index."""
_FEW_FINALITIES: Final = frozenset({Finality.INCLUDED, Finality.SAFE})
"""Of these are the payments of the last few blocks."""


def newest(
    connection: Connection, merchant_id: str | None, where: PaymentFilter, before: Sequence[Any] | None, limit: int
) -> list[Row[Any]]:
    """Return the newest `limit` rows that fit, newest first, all before the place `before` if one is given."""
    of_merchant = () if merchant_id is None else (payments.c.account == merchant_id,)
    always = (*of_merchant, *_plain(where))
    rows: list[Row[Any]] = []
    names_few = where.order_reference is not None or where.buyer is not None
    for buyer, piece in product(_buyers(where), _pieces(connection, merchant_id, where)):
        # Where few fit anyway, they are found first and sorted then: the list's order must not choose the index.
        order = (passive(ORDER[0]), *ORDER[1:]) if names_few or piece.few else ORDER
        conditions = (*always, *_in_time(where, before, order), *buyer, *piece.conditions)
        if piece.few:
            # Sorted by what their index has; of those alone that are shown is the row read.
            found = select(*_KEY).where(*conditions).order_by(*(each.desc() for each in order)).limit(limit).subquery()
            same = and_(payments.c.chain_id == found.c.chain_id, payments.c.id == found.c.id)
            rows += connection.execute(select(*WHOLE).join_from(found, payments, same))
        else:
            wanted = select(*WHOLE).where(*conditions)
            rows += connection.execute(wanted.order_by(*(each.desc() for each in order)).limit(limit))
    rows.sort(key=lambda row: (row.recorded_at, row.chain_id, row.id), reverse=True)
    return rows[:limit]


def _plain(where: PaymentFilter) -> Iterator[ColumnElement[bool]]:
    c = payments.c
    equal = {c.order_reference: where.order_reference, c.token: where.token, c.chain_id: where.chain_id}
    yield from (column == value for column, value in equal.items() if value is not None)


def _in_time(
    where: PaymentFilter, before: Sequence[Any] | None, order: Sequence[ColumnElement[Any]]
) -> Iterator[ColumnElement[bool]]:
    """Give the limits in the order of the list."""
    if where.created_from is not None:
        yield order[0] >= where.created_from
    if where.created_until is not None:
        yield order[0] < where.created_until
    if before is not None:
        # The first condition follows from the second, and only the first can begin a run through an index.
        yield order[0] <= before[0]
        yield tuple_(*order) < tuple_(*before)


def _buyers(where: PaymentFilter) -> list[Conditions]:
    """Who gets money back: whoever was paid for; before that, whom the terms name."""
    c = payments.c
    if where.buyer is None:
        return [()]
    # Nothing is added to the column: of all that nobody paid, SQLite would look at each.
    return [(c.paid_for == where.buyer,), (passive(c.paid_for).is_(None), c.buyer == where.buyer)]


class _Piece(NamedTuple):
    """Conditions on status and finality, and whether they name an index by which few are found."""

    conditions: Conditions
    few: bool = False


def _pieces(connection: Connection, merchant_id: str | None, where: PaymentFilter) -> Iterator[_Piece]:
    """Return pieces that exclude each other and together are what status and finality are asked for."""
    if not where.statuses and not where.finalities:
        yield _Piece(())
        return
    followed = connection.execute(select(chains)).all()
    statuses: list[Status | None] = [*sorted(where.statuses)] or [None]
    finalities: list[Finality | None] = [*sorted(where.finalities)] or [None]
    for chain, status, finality in product(followed, statuses, finalities):
        of_status = _of_status(chain, status)
        conditions = (payments.c.chain_id == chain.chain_id, *of_status, *_of_finality(chain, finality, where))
        yield _Piece(conditions, finality in _FEW_FINALITIES or (finality is None and status is Status.CREATED))
    if Status.CREATED in where.statuses and not where.finalities:
        # A payment can be asked for before its chain is followed; then nobody has paid it yet, nor is it late.
        for chain_id in _elsewhere(connection, merchant_id, {chain.chain_id for chain in followed}):
            yield _Piece((payments.c.chain_id == chain_id, _IS_CREATED), few=True)


def _elsewhere(connection: Connection, merchant_id: str | None, followed: Collection[int]) -> Iterator[int]:
    """Give the chains that are not followed of which payments were created, going from one to the next by their index.

    "All whose chain is not among these" would be answered by looking at every payment of those chains.
    """
    c = payments.c
    whose = c.account.is_not(None) if merchant_id is None else c.account == merchant_id
    # Written out: not knowing that it is one of many, PostgreSQL would keep no plan, and plan it anew each time.
    following = select(c.chain_id).where(whose, _IS_CREATED).order_by(c.chain_id).limit(literal_column("1"))
    found = -1
    while (found := connection.execute(following.where(c.chain_id > found)).scalar() or 0) > 0:
        if found not in followed:
            yield found


def _of_status(chain: Row[Any], status: Status | None) -> Conditions:
    """The status told at chain time, as `payment.actions.status_at` has it."""
    c, now = payments.c, chain.head_timestamp or 0
    match status:
        case None:
            return ()
        case Status.CREATED:
            # Few are; in the order of the list one would pass by all that expired.
            return (_IS_CREATED, c.pay_by > now)
        case Status.EXPIRED:
            return (c.status == Status.CREATED.value, passive(c.pay_by) <= now)
        case _:
            return (c.status == status.value,)


def passive(column: Column[Any]) -> ColumnElement[Any]:
    """Return a column as a condition names it that must not choose the index: SQLite keeps no count of what fits.

    What is added is nothing; but with it the column is not the one that an index has.
    """
    return column + ("" if isinstance(column.type, Text) else 0)


def _of_finality(chain: Row[Any], finality: Finality | None, where: PaymentFilter) -> Conditions:
    """How sure the chain is, as `payment.record.finality_of` has it; no finality where nothing is on chain."""
    number = payments.c.block_number
    if finality is None:
        return ()
    if chain.head_number is None:
        return (false(),)
    final = chain.final_number if chain.final_number is not None else -1
    safe = max(final, chain.head_number - where.safe_depth_blocks)
    match finality:
        case Finality.FINAL:
            # Nearly all are: they are met one after the other in the order of the list.
            return (passive(number) <= final,)
        case Finality.SAFE:
            return (number > final, number <= safe)
        case Finality.INCLUDED:
            return (number > safe,)

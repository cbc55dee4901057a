"""The payments: what merchants asked for, and what the chain says of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Select, case, func, select, tuple_
from sqlalchemy.sql.elements import ColumnElement

from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Finality, Status
from earnest.store.blocks import chains
from earnest.store.bulk import Upsert, amount_writer
from earnest.store.cursors import read_cursor, write_cursor
from earnest.store.dismissals import is_dismissed_in
from earnest.store.errors import AlreadyThere
from earnest.store.payment_table import CHAIN_FACTS, GIVEN, payment_of, payments, row_of
from earnest.store.records import Page, PaymentFilter
from earnest.store.schema import in_lists, insert, rows_written

_WHOLE = (payments, is_dismissed_in(payments).label("operator_dismissed"))
_ORDER = (payments.c.recorded_at, payments.c.chain_id, payments.c.id)


class Payments:
    """The payments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, payment: Payment) -> None:
        """Add a created payment; a foreign one of that id is adopted; raises `AlreadyThere` if it has an account."""
        row = dict(zip(GIVEN, row_of(payment, int), strict=True))
        if rows_written(self._connection, _adopting(self._connection.dialect.name), row) != 1:
            raise AlreadyThere(f"payment {payment.id} is there already")

    def get(self, chain_id: int, payment_id: Hash32, *, lock: bool = False) -> Payment | None:
        """Return a payment, foreign or not; with `lock`, nobody else changes it before this transaction ends."""
        return self.many(chain_id, [payment_id], lock=lock).get(payment_id)

    def find(self, merchant_id: str, payment_id: Hash32) -> Payment | None:
        """Return a merchant's own payment on whatever chain it is."""
        return self._first(select(*_WHOLE).where(payments.c.id == payment_id, payments.c.account == merchant_id))

    def public(self, payment_id: Hash32) -> Payment | None:
        """Return a payment that somebody here created, whoever it was: what the buyer's page asks for."""
        return self._first(select(*_WHOLE).where(payments.c.id == payment_id, payments.c.account.is_not(None)))

    def many(self, chain_id: int, payment_ids: Collection[Hash32], *, lock: bool = False) -> dict[Hash32, Payment]:
        """Return those of these payments that there are, by id."""
        found: dict[Hash32, Payment] = {}
        for some in in_lists(sorted(payment_ids)):
            wanted = select(*_WHOLE).where(payments.c.chain_id == chain_id, payments.c.id.in_(some))
            if lock:
                wanted = wanted.order_by(payments.c.id).with_for_update()
            found.update((row.id, payment_of(row)) for row in self._connection.execute(wanted))
        return found

    def save(self, changed: Iterable[Payment]) -> None:
        """Write the chain's facts and the versions of payments; unknown ones are added as they are (foreign)."""
        amount = amount_writer(self._connection)
        _SAVING.write(self._connection, [row_of(payment, amount) for payment in changed])

    def page(
        self, merchant_id: str | None, where: PaymentFilter, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Payment]:
        """Return a piece of a merchant's payments (None: everybody's, foreign ones too), newest first.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        wanted = select(*_WHOLE).outerjoin(chains, chains.c.chain_id == payments.c.chain_id)
        wanted = wanted.where(*_conditions(where))
        if merchant_id is not None:
            wanted = wanted.where(payments.c.account == merchant_id)
        if cursor is not None:
            wanted = wanted.where(tuple_(*_ORDER) < tuple_(*read_cursor(cursor, int, int, str)))
        rows = self._connection.execute(wanted.order_by(*(each.desc() for each in _ORDER)).limit(limit + 1)).all()
        shown = rows[:limit]
        last = shown[-1] if len(rows) > limit else None
        return Page(
            items=[payment_of(row) for row in shown],
            next_cursor=write_cursor(last.recorded_at, last.chain_id, last.id) if last else None,
        )

    def due_to_expire(self, chain_id: int, final_timestamp: int) -> Sequence[Payment]:
        """Return the created payments whose `pay_by` is at or before a final block's time, and who were not told so."""
        due = (
            select(*_WHOLE)
            .where(payments.c.chain_id == chain_id, payments.c.pay_by <= final_timestamp)
            .where(payments.c.status == "created", ~payments.c.told_expired, payments.c.account.is_not(None))
        )
        return [payment_of(row) for row in self._connection.execute(due.order_by(payments.c.pay_by, payments.c.id))]

    def mark_expired(self, chain_id: int, payment_ids: Iterable[Hash32]) -> None:
        """Note that the merchants were told that these expired."""
        for some in in_lists(list(payment_ids)):
            told = payments.update().where(payments.c.chain_id == chain_id, payments.c.id.in_(some))
            self._connection.execute(told.values(told_expired=True))

    def _first(self, wanted: Select[tuple[Payment]]) -> Payment | None:
        row = self._connection.execute(wanted).first()
        return payment_of(row) if row else None


# Building a statement that names `excluded` takes milliseconds, so each is built once.
@cache
def _adopting(dialect: str) -> Any:
    adding = insert(dialect, payments)
    ours = ("account", "order_reference", "salt", "created_at", "recorded_at")
    return adding.on_conflict_do_update(
        index_elements=["chain_id", "id"],
        set_={name: adding.excluded[name] for name in ours},
        where=payments.c.account.is_(None),
    )


_SAVING: Final = Upsert(payments, GIVEN, ("chain_id", "id"), changed=CHAIN_FACTS)


def _conditions(where: PaymentFilter) -> list[ColumnElement[bool]]:
    c = payments.c
    equal = {
        c.order_reference: where.order_reference,
        c.token: where.token,
        c.chain_id: where.chain_id,
    }
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal.items() if value is not None]
    if where.buyer is not None:
        conditions.append(func.coalesce(c.paid_for, c.buyer) == where.buyer)
    if where.created_from is not None:
        conditions.append(c.recorded_at >= where.created_from)
    if where.created_until is not None:
        conditions.append(c.recorded_at < where.created_until)
    if where.statuses:
        conditions.append(_status().in_([str(each) for each in where.statuses]))
    if where.finalities:
        conditions.append(_finality(where.safe_depth_blocks).in_([str(each) for each in where.finalities]))
    return conditions


def _status() -> ColumnElement[str]:
    """The status told at chain time, as `payment.actions.status_at` has it."""
    over = payments.c.pay_by <= func.coalesce(chains.c.head_timestamp, 0)
    created = payments.c.status == str(Status.CREATED)
    return case((created & over, str(Status.EXPIRED)), else_=payments.c.status)


def _finality(safe_depth_blocks: int) -> ColumnElement[str]:
    """How sure the chain is, as `payment.record.finality_of` has it; NULL where nothing is on chain."""
    number = payments.c.block_number
    return case(
        (number <= chains.c.final_number, str(Finality.FINAL)),
        (chains.c.head_number - number >= safe_depth_blocks, str(Finality.SAFE)),
        (chains.c.head_number.is_not(None) & number.is_not(None), str(Finality.INCLUDED)),
    )

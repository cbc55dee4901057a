"""The payments: what merchants asked for, and what the chain says of it."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.store.bulk import Update, Upsert, amount_writer
from earnest.store.cursors import read_cursor, write_cursor
from earnest.store.errors import AlreadyThere
from earnest.store.payment_pages import WHOLE, newest
from earnest.store.payment_table import (
    ASKED,
    CHAIN_FACTS,
    GIVEN,
    asked_of,
    facts_of,
    payment_of,
    payments,
    row_of,
)
from earnest.store.records import Page, PaymentFilter
from earnest.store.schema import in_lists, insert, is_one_of, rows_written


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
        return self._first(select(*WHOLE).where(payments.c.id == payment_id, payments.c.account == merchant_id))

    def public(self, payment_id: Hash32) -> Payment | None:
        """Return a payment that somebody here created, whoever it was: what the buyer's page asks for."""
        return self._first(select(*WHOLE).where(payments.c.id == payment_id, payments.c.account.is_not(None)))

    def many(self, chain_id: int, payment_ids: Collection[Hash32], *, lock: bool = False) -> dict[Hash32, Payment]:
        """Return those of these payments that there are, by id."""
        if not payment_ids:
            return {}
        these = is_one_of(payments.c.id, sorted(payment_ids), self._connection.dialect.name)
        wanted = select(*WHOLE).where(payments.c.chain_id == chain_id, these)
        if lock:
            wanted = wanted.order_by(payments.c.id).with_for_update()
        found = map(payment_of, self._connection.execute(wanted))
        return {payment.id: payment for payment in found}

    def save(self, changed: Iterable[Payment], known: Container[Hash32] = ()) -> None:
        """Write the chain's facts and the versions of payments; unknown ones are added as they are (foreign).

        `known` are ids of payments that were read in this transaction: they are there, which makes them cheaper.
        """
        amount = amount_writer(self._connection)
        there, foreign, others = [], [], []
        for payment in changed:
            if payment.id in known:
                there.append((*facts_of(payment, amount), payment.chain_id, payment.id))
            elif payment.account is None:
                foreign.append((*asked_of(payment, amount), *facts_of(payment, amount)))
            else:
                others.append(row_of(payment, amount))
        _CHANGING.write(self._connection, there)
        # Neighbours in the key's order meet in the same pages of its index.
        _ADDING_FOREIGN.write(self._connection, sorted(foreign, key=_id_of_row))
        _ADDING.write(self._connection, others)

    def page(
        self, merchant_id: str | None, where: PaymentFilter, *, cursor: str | None = None, limit: int = 20
    ) -> Page[Payment]:
        """Return a piece of a merchant's payments (None: everybody's, foreign ones too), newest first.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        before = read_cursor(cursor, int, int, str) if cursor is not None else None
        rows = newest(self._connection, merchant_id, where, before, limit + 1)
        shown = rows[:limit]
        last = shown[-1] if len(rows) > limit else None
        return Page(
            items=[payment_of(row) for row in shown],
            next_cursor=write_cursor(last.recorded_at, last.chain_id, last.id) if last else None,
        )

    def due_to_expire(self, chain_id: int, final_timestamp: int) -> Sequence[Payment]:
        """Return the created payments whose `pay_by` is at or before a final block's time, and who were not told so."""
        due = (
            select(*WHOLE)
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


_KEY: Final = ("chain_id", "id")
_CHANGING: Final = Update(payments, CHAIN_FACTS, _KEY)
_ADDING: Final = Upsert(payments, GIVEN, _KEY, changed=CHAIN_FACTS)
# Apart, so that no row gives an empty column: see `bulk`.
_ADDING_FOREIGN: Final = Upsert(payments, (*ASKED, *CHAIN_FACTS), _KEY, changed=CHAIN_FACTS)
_id_of_row: Final = itemgetter(ASKED.index("id"))

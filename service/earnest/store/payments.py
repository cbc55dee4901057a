"""The payments: what merchants asked for, and what the chain says of it."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, bindparam, literal_column, select

from earnest.payment.foreign import Foreign
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.store.bulk import Update, Upsert, amount_writer
from earnest.store.cursors import read_cursor, write_cursor
from earnest.store.errors import AlreadyThere, PaymentsChanged
from earnest.store.payment_pages import WHOLE, newest, passive
from earnest.store.payment_table import (
    ASKED,
    CHAIN_FACTS,
    GIVEN,
    WAITING,
    asked_of,
    facts_of,
    payment_of,
    payments,
    row_of,
)
from earnest.store.raw import Fixed, Later, is_one_of, many
from earnest.store.records import Page, PaymentFilter
from earnest.store.schema import in_lists, insert, rows_written


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
        # SQLite would take an index that begins with the account, and read all of the merchant's; see `passive`.
        own = (payments.c.account.is_not(None), passive(payments.c.account) == merchant_id)
        return self._first(select(*WHOLE).where(payments.c.id == payment_id, *own))

    def public(self, payment_id: Hash32) -> Payment | None:
        """Return a payment that somebody here created, whoever it was: what the buyer's page asks for."""
        return self._first(select(*WHOLE).where(payments.c.id == payment_id, payments.c.account.is_not(None)))

    def many(self, chain_id: int, payment_ids: Collection[Hash32], *, lock: bool = False) -> dict[Hash32, Payment]:
        """Return those of these payments that there are, by id."""
        return self.many_later(chain_id, payment_ids, lock=lock)()

    def many_later(
        self, chain_id: int, payment_ids: Collection[Hash32], *, lock: bool = False
    ) -> Later[dict[Hash32, Payment]]:
        """Ask as `many` does."""
        if not payment_ids:
            return dict
        asked = {"chain_id": chain_id, "ids": many(sorted(payment_ids), self._connection.dialect.name)}
        rows = (_MANY_LOCKED if lock else _MANY).ask_later(self._connection, asked)
        return lambda: {payment.id: payment for payment in map(payment_of, rows())}

    def save(self, changed: Iterable[Payment], known: Container[Hash32] = ()) -> None:
        """Write the chain's facts and the versions of payments; unknown ones are added as they are.

        `known` are ids of payments that were read in this transaction: they are there, which makes them cheaper.
        """
        amount = amount_writer(self._connection)
        there, others = [], []
        for payment in changed:
            if payment.id in known:
                facts = facts_of(payment.state, payment.block, payment.version, amount)
                there.append((*facts, payment.chain_id, payment.id))
            else:
                others.append(row_of(payment, amount))
        _CHANGING.write(self._connection, there)
        _ADDING.write(self._connection, others)

    def save_foreign(self, changed: Iterable[Foreign]) -> None:
        """Write the chain's facts of foreign payments, and add those that are not stored yet.

        Raises:
            PaymentsChanged: a stored one is not there any more, or not foreign any more; or one is stored by now.
        """
        amount = amount_writer(self._connection)
        there, new = [], []
        for payment in changed:
            facts = facts_of(payment, payment.block, payment.version, amount)
            if payment.is_stored:
                there.append((*facts, payment.chain_id, payment.id))
            else:
                new.append(asked_of(payment, None, amount) + facts)
        if _CHANGING_FOREIGN.write(self._connection, there) != len(there):
            raise PaymentsChanged("a foreign payment was created by a merchant, or dropped")
        # Neighbours in the key's order meet in the same pages of its index.
        if _ADDING_FOREIGN.write(self._connection, sorted(new, key=_id_of_row)) != len(new):
            raise PaymentsChanged("a payment was created by a merchant in the moment of its funding")

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

    def due_to_expire(self, chain_id: int, final_timestamp: int) -> Sequence[Hash32]:
        """Return the ids of created payments whose `pay_by` a final block has reached, and who were not told so."""
        return self.due_to_expire_later(chain_id, final_timestamp)()

    def due_to_expire_later(self, chain_id: int, final_timestamp: int) -> Later[Sequence[Hash32]]:
        """Ask as `due_to_expire` does."""
        asked = {"chain_id": chain_id, "until": final_timestamp}
        rows = _DUE_TO_EXPIRE.ask_later(self._connection, asked)
        return lambda: [Hash32(id_) for (id_,) in rows()]

    def any_waiting_later(self, chain_id: int) -> Later[bool]:
        """Ask whether somebody here created a payment that was not paid yet, and may be."""
        rows = _ANY_WAITING.ask_later(self._connection, {"chain_id": chain_id})
        return lambda: bool(rows())

    def mark_expired(self, chain_id: int, payment_ids: Iterable[Hash32]) -> None:
        """Note that the merchants were told that these expired."""
        for some in in_lists(list(payment_ids)):
            told = payments.update().where(payments.c.chain_id == chain_id, payments.c.id.in_(some))
            self._connection.execute(told.values(told_expired=True))

    def _first(self, wanted: Select[tuple[Payment]]) -> Payment | None:
        row = self._connection.execute(wanted).first()
        return payment_of(row) if row else None


def _of_ids(dialect: str) -> Select[Any]:
    these = is_one_of(payments.c.id, "ids", dialect)
    return select(*WHOLE).where(payments.c.chain_id == bindparam("chain_id", type_=BigInteger), these)


def _locked(wanted: Select[Any]) -> Select[Any]:
    """Lock in one order, whoever locks, so that nobody waits in a circle."""
    return wanted.order_by(payments.c.id).with_for_update()


_MANY: Final = Fixed(_of_ids)
_MANY_LOCKED: Final = Fixed(lambda dialect: _locked(_of_ids(dialect)))
_ANY_WAITING: Final = Fixed(
    lambda _: (
        select(literal_column("1"))
        .where(payments.c.chain_id == bindparam("chain_id", type_=BigInteger), WAITING)
        .limit(literal_column("1"))
    )
)
_DUE_TO_EXPIRE: Final = Fixed(
    lambda _: (
        select(payments.c.id)
        .where(payments.c.chain_id == bindparam("chain_id", type_=BigInteger))
        # By a question of its own, or PostgreSQL, which then sees how few have expired, plans it anew each time.
        .where(payments.c.pay_by <= select(bindparam("until", type_=BigInteger)).scalar_subquery(), WAITING)
        .order_by(payments.c.pay_by, payments.c.id)
    )
)


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
_CHANGING_FOREIGN: Final = Update(payments, CHAIN_FACTS, _KEY, empty="account")
_ADDING: Final = Upsert(payments, GIVEN, _KEY, changed=CHAIN_FACTS)
# Apart, so that no row gives an empty column: see `bulk`.
_ADDING_FOREIGN: Final = Upsert(payments, (*ASKED, *CHAIN_FACTS), _KEY, changed=())
_id_of_row: Final = itemgetter(ASKED.index("id"))

"""The merchants' accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    Select,
    Table,
    Text,
    select,
)
from sqlalchemy.types import TypeDecorator

from earnest.payment.primitives import Address, Hash32
from earnest.payment.tell_rule import AT_ONCE, TellRule, parse_tell_rule
from earnest.store.payment_table import own_payments, payments
from earnest.store.raw import Fixed, Later, is_one_of, many
from earnest.store.records import Merchant
from earnest.store.schema import columns_of, metadata


class Telling(TypeDecorator[TellRule]):
    """A merchant's rule when he is told, as the text that people write; NULL: of everything at once."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: TellRule | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Write the steps."""
        return str(value or AT_ONCE) or None

    def process_result_value(self, value: str | None, dialect: Dialect) -> TellRule:  # noqa: ARG002
        """Read the steps."""
        return _told_by(value)


def _told_by(text: str | None) -> TellRule:
    return AT_ONCE if text is None else _rule(text)


@lru_cache(maxsize=1_024)
def _rule(text: str) -> TellRule:
    """Return the rule of a row: the mirror reads merchants with each batch, and addresses have checksums to check."""
    return parse_tell_rule(text.split())


merchants = Table(
    "merchants",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("payout", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("arbiter", Text, nullable=False),
    Column("fee_recipient", Text, nullable=False),
    Column("fee_bps", Integer, nullable=False),
    Column("delivery_period", BigInteger, nullable=False),
    Column("dispute_window", BigInteger, nullable=False),
    Column("arbitration_period", BigInteger, nullable=False),
    Column("payment_window", BigInteger, nullable=False),
    Column("safe_depth_blocks", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("tell", Telling),
)


class Merchants:
    """The accounts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, merchant: Merchant) -> None:
        """Add an account; raises `AlreadyThere`."""
        self._connection.execute(merchants.insert(), columns_of(merchant))

    def set_tell_rule(self, merchant_id: str, rule: TellRule) -> None:
        """Set from which finality on a merchant is told."""
        self._connection.execute(merchants.update().where(merchants.c.id == merchant_id).values(tell=rule))

    def get(self, merchant_id: str) -> Merchant | None:
        """Return the account, None if there is none of that id."""
        return self.many([merchant_id]).get(merchant_id)

    def many(self, merchant_ids: Collection[str]) -> dict[str, Merchant]:
        """Return those of these accounts that there are, by id."""
        return self.many_later(merchant_ids)()

    def many_later(self, merchant_ids: Collection[str]) -> Later[dict[str, Merchant]]:
        """Ask as `many` does."""
        if not merchant_ids:
            return dict
        return self._found(_MANY, {"ids": many(merchant_ids, self._connection.dialect.name)})

    def of_payments_later(self, chain_id: int, payment_ids: Collection[Hash32]) -> Later[dict[str, Merchant]]:
        """Ask for the accounts of these payments."""
        if not payment_ids:
            return dict
        ids = many(payment_ids, self._connection.dialect.name)
        return self._found(_OF_PAYMENTS, {"chain_id": chain_id, "payments": ids})

    def _found(self, question: Fixed, asked: Mapping[str, Any]) -> Later[dict[str, Merchant]]:
        rows = question.ask_later(self._connection, asked)

        def found() -> dict[str, Merchant]:
            made = ([*row[:-1], _told_by(row[-1])] for row in rows())
            return {values[0]: Merchant(*values) for values in made}

        return found

    def paid_to(self, payout: Address) -> Sequence[Merchant]:
        """Return the accounts that are paid to an address, oldest first."""
        return [each for each in self.list() if each.payout == payout]

    def list(self) -> Sequence[Merchant]:
        """Return all accounts, oldest first."""
        rows = self._connection.execute(select(merchants).order_by(merchants.c.created_at, merchants.c.id))
        return [Merchant(**row._mapping) for row in rows]


def _asked_for(where: ColumnElement[bool]) -> Select[Any]:
    """In the order of the record; the rule as its text."""
    return select(*(merchants.c[each.name] for each in fields(Merchant))).where(where)


_MANY: Final = Fixed(lambda dialect: _asked_for(is_one_of(merchants.c.id, "ids", dialect)))
_OF_PAYMENTS: Final = Fixed(
    lambda dialect: _asked_for(merchants.c.id.in_(own_payments(payments.c.account, "payments", dialect)))
)

"""The payments' table, and the way from its rows to payments and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    bindparam,
    false,
    select,
    text,
)

from earnest.payment.foreign import Foreign
from earnest.payment.record import BlockRef, Payment
from earnest.payment.status import Status
from earnest.payment.terms import Terms
from earnest.payment.transitions import Folding, PaymentState
from earnest.store.raw import is_one_of
from earnest.store.schema import Amount, metadata

payments = Table(
    "payments",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, primary_key=True),
    Column("escrow", Text, nullable=False),
    # What the merchant asked for; nothing of it is known of a foreign payment.
    Column("account", Text, ForeignKey("merchants.id")),
    Column("order_reference", Text),
    Column("salt", LargeBinary),
    Column("created_at", BigInteger),
    # The order of lists: creation, or the block in which a foreign payment was first seen.
    Column("recorded_at", BigInteger, nullable=False),
    # The terms.
    Column("buyer", Text, nullable=False),
    Column("merchant", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("arbiter", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("fee_recipient", Text, nullable=False),
    Column("fee_bps", Integer, nullable=False),
    Column("pay_by", BigInteger, nullable=False),
    Column("delivery_period", BigInteger, nullable=False),
    Column("dispute_window", BigInteger, nullable=False),
    Column("arbitration_period", BigInteger, nullable=False),
    Column("order_hash", Text, nullable=False),
    # What the canonical events add up to, and the block of the last of them.
    Column("status", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("funded", Amount, nullable=False),
    Column("held", Amount, nullable=False),
    Column("to_merchant", Amount, nullable=False),
    Column("to_fee_recipient", Amount, nullable=False),
    Column("to_buyer", Amount, nullable=False),
    Column("repaid", Amount, nullable=False, server_default="0"),
    Column("payer", Text),
    Column("paid_for", Text),
    Column("block_number", BigInteger),
    Column("block_hash", Text),
    Column("block_timestamp", BigInteger),
    # What the merchant was told.
    Column("version", BigInteger, nullable=False),
    Column("told_expired", Boolean, nullable=False, server_default=false()),
)
_OWN = text("account IS NOT NULL")
# What a merchant asks for by, each in the order of lists. Of foreign payments nobody asks so, and they can be many.
for _columns in (
    ("id",),
    ("account", "recorded_at", "chain_id", "id"),
    ("account", "status", "recorded_at", "chain_id", "id"),
    ("account", "token", "recorded_at", "chain_id", "id"),
    ("account", "order_reference"),
    ("account", "paid_for"),
    ("account", "buyer"),
    ("account", "block_number"),
):
    Index(None, *(payments.c[name] for name in _columns), sqlite_where=_OWN, postgresql_where=_OWN)
_CREATED = text("status = 'created' AND account IS NOT NULL")
Index(
    "ix_payments_created",
    *(payments.c[name] for name in ("account", "chain_id", "pay_by", "recorded_at", "id")),
    sqlite_where=_CREATED,
    postgresql_where=_CREATED,
)
WAITING: Final = text("status = 'created' AND NOT told_expired AND account IS NOT NULL")
"""Of a merchant's own that may expire. Asked in these very words, or SQLite does not see that the index fits."""
Index(
    "ix_payments_waiting",
    payments.c.chain_id,
    payments.c.pay_by,
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)

TERMS: Final = tuple(Terms.__dataclass_fields__)
"""The columns of the terms, in the terms' own order."""

CHAIN_FACTS: Final = (
    "status",
    "since",
    "seq",
    "funded",
    "held",
    "to_merchant",
    "to_fee_recipient",
    "to_buyer",
    "repaid",
    "payer",
    "paid_for",
    "block_number",
    "block_hash",
    "block_timestamp",
    "version",
)
"""The columns that only the mirror writes."""


ASKED: Final = ("chain_id", "id", "escrow", "recorded_at", *TERMS)
"""The columns that every payment has from its first moment on."""

MERCHANTS: Final = ("account", "order_reference", "salt", "created_at")
"""The columns that only a merchant's own payment has."""

GIVEN: Final = (*ASKED, *CHAIN_FACTS, *MERCHANTS)
"""The columns that `row_of` gives, in its order."""


def row_of(payment: Payment, amount: Callable[[int], Any]) -> tuple[Any, ...]:
    """Return a payment as a row; `amount` makes of base units what the database's driver takes."""
    own = (payment.account, payment.order_reference, payment.salt, payment.created_at)
    facts = facts_of(payment.state, payment.block, payment.version, amount)
    return (*asked_of(payment, payment.created_at, amount), *facts, *own)


def asked_of(payment: Payment | Foreign, created_at: int | None, amount: Callable[[int], Any]) -> tuple[Any, ...]:
    """Return the columns `ASKED` of a payment."""
    terms, block = payment.terms, payment.block
    return (
        payment.chain_id,
        payment.id,
        payment.escrow,
        created_at if created_at is not None else (block.timestamp if block else 0),
        terms.buyer,
        terms.merchant,
        terms.operator,
        terms.arbiter,
        terms.token,
        amount(terms.amount),
        terms.fee_recipient,
        terms.fee_bps,
        terms.pay_by,
        terms.delivery_period,
        terms.dispute_window,
        terms.arbitration_period,
        terms.order_hash,
    )


def facts_of(
    state: PaymentState | Folding, block: BlockRef | None, version: int, amount: Callable[[int], Any]
) -> tuple[Any, ...]:
    """Return the columns `CHAIN_FACTS` of a payment in this state, whose last event is in this block."""
    return (
        state.status._value_,
        state.since,
        state.seq,
        amount(state.funded),
        amount(state.held),
        amount(state.to_merchant),
        amount(state.to_fee_recipient),
        amount(state.to_buyer),
        amount(state.repaid),
        state.payer,
        state.buyer,
        block.number if block else None,
        block.hash if block else None,
        block.timestamp if block else None,
        version,
    )


def payment_of(row: Sequence[Any]) -> Payment:
    """Return the payment that a row of the whole table stands for, with `operator_dismissed` behind it.

    By place and not by name, and whether the row is the driver's own or SQLAlchemy's: the mirror reads thousands.
    """
    (
        chain_id,
        id_,
        escrow,
        account,
        order_reference,
        salt,
        created_at,
        _recorded_at,
        buyer,
        merchant,
        operator,
        arbiter,
        token,
        amount,
        fee_recipient,
        fee_bps,
        pay_by,
        delivery_period,
        dispute_window,
        arbitration_period,
        order_hash,
        status,
        since,
        seq,
        funded,
        held,
        to_merchant,
        to_fee_recipient,
        to_buyer,
        repaid,
        payer,
        paid_for,
        block_number,
        block_hash,
        block_timestamp,
        version,
        _told_expired,
        operator_dismissed,
    ) = row
    terms = Terms(
        buyer,
        merchant,
        operator,
        arbiter,
        token,
        int(amount),
        fee_recipient,
        fee_bps,
        pay_by,
        delivery_period,
        dispute_window,
        arbitration_period,
        order_hash,
    )
    state = PaymentState(
        _STATUS[status],
        since,
        seq,
        int(funded),
        int(held),
        int(to_merchant),
        int(to_fee_recipient),
        int(to_buyer),
        payer,
        paid_for,
        int(repaid),
    )
    block = None if block_number is None else BlockRef(block_number, block_hash, block_timestamp)
    return Payment(
        id_,
        chain_id,
        escrow,
        terms,
        state,
        version,
        account,
        order_reference,
        salt,
        created_at,
        block,
        bool(operator_dismissed),
    )


_STATUS: Final = {status.value: status for status in Status}


def terms_of(values: Sequence[Any]) -> Terms:
    """Return the terms whose columns, in the order of `TERMS`, have these values."""
    return Terms(**dict(zip(TERMS, values, strict=True)) | {"amount": int(values[_AMOUNT])})


_AMOUNT: Final = TERMS.index("amount")


def own_payments(column: Column[Any], parameter: str, dialect: str) -> Select[Any]:
    """Return the question for a column of those of some payments that somebody here created.

    The chain is the parameter `chain_id`; the ids are in the one that is named.
    """
    this_chain = payments.c.chain_id == bindparam("chain_id", type_=BigInteger)
    return select(column).where(
        this_chain, is_one_of(payments.c.id, parameter, dialect), payments.c.account.is_not(None)
    )

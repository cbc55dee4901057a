"""What a merchant's payments add up to, token by token, and the rows that every sum is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, or_, select, text, tuple_

from earnest.payment.events import Credited
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef, Payment
from earnest.payment.status import Status
from earnest.store.credits import credit_withdrawals
from earnest.store.cursors import read_cursor, write_cursor
from earnest.store.events import events
from earnest.store.payment_pages import ORDER, WHOLE
from earnest.store.payment_table import payment_of, payments
from earnest.store.records import Page
from earnest.store.sums import read_sum, sum_of


class Figure(StrEnum):
    """The sums of payments. Each payment counts with what its events add up to, whatever their finality."""

    HELD = "held"
    """What the escrow keeps."""
    RELEASABLE = "releasable"
    """The part of it that anyone can release now: delivered, and the dispute window is over."""
    RELEASED = "released"
    """What went to the merchant, the fee taken off."""
    FEES = "fees"
    """What went to the fee's recipient."""
    REFUNDED = "refunded"
    """What went back to buyers out of the escrow: refunds, reclaims, and their part of resolved disputes."""
    REPAID = "repaid"
    """What the merchant gave back afterwards, out of his own wallet."""


COLUMN_OF: Final = {
    Figure.HELD: payments.c.held,
    Figure.RELEASABLE: payments.c.held,
    Figure.RELEASED: payments.c.to_merchant,
    Figure.FEES: payments.c.to_fee_recipient,
    Figure.REFUNDED: payments.c.to_buyer,
    Figure.REPAID: payments.c.repaid,
}
_STATUSES_OF: Final[Mapping[Figure, tuple[Status, ...]]] = {
    Figure.HELD: (Status.FUNDED, Status.DELIVERED, Status.DISPUTED),
    Figure.RELEASABLE: (Status.DELIVERED,),
}
"""The statuses that a figure's payments can have; asked for one by one, each is a run through an index."""


@dataclass(frozen=True, slots=True)
class TokenSums:
    """One token's sums on one chain, in base units."""

    chain_id: int
    token: Address
    sums: Mapping[Figure, int]


@dataclass(frozen=True, slots=True)
class CreditRow:
    """A push that failed and became a credit, or (`is_withdrawal`) the withdrawal of one; `amount` in base units.

    `payment_id` is None where it is no payment of this merchant's.
    """

    amount: int
    is_withdrawal: bool
    payment_id: Hash32 | None
    block: BlockRef
    tx_hash: Hash32
    log_index: int
    token: Address

    @property
    def signed(self) -> int:
        """What it adds to the sum."""
        return -self.amount if self.is_withdrawal else self.amount


_SAME: Final = and_(payments.c.chain_id == events.c.chain_id, payments.c.id == events.c.payment_id)


class Balances:
    """Sums of a merchant's payments."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def sums(self, merchant_id: str, now: Mapping[int, int]) -> Sequence[TokenSums]:
        """Return the sums of a merchant's payments by chain and token; `now` is each chain's time (Unix)."""
        c, dialect = payments.c, self._connection.dialect.name
        sums: dict[tuple[int, Address], dict[Figure, int]] = {}
        flows = [figure for figure in Figure if figure is not Figure.RELEASABLE]
        asked = [each for figure in flows for each in sum_of(COLUMN_OF[figure], figure, dialect)]
        own = select(c.chain_id, c.token, *asked).where(c.account == merchant_id, c.block_number.is_not(None))
        for row in self._connection.execute(own.group_by(c.chain_id, c.token)):
            sums[row.chain_id, row.token] = {figure: read_sum(row, figure, dialect) for figure in flows}
        held = sum_of(c.held, Figure.RELEASABLE, dialect)
        # The status' index is the short way, and grouped by the token itself SQLite would take the token's.
        token = func.coalesce(c.token, "")
        due = select(c.chain_id, token.label("token"), *held).where(c.account == merchant_id, _is_releasable(now))
        for row in self._connection.execute(due.group_by(c.chain_id, token)):
            sums[row.chain_id, row.token][Figure.RELEASABLE] = read_sum(row, Figure.RELEASABLE, dialect)
        return [
            TokenSums(chain_id, token, {figure: of.get(figure, 0) for figure in Figure})
            for (chain_id, token), of in sorted(sums.items())
        ]

    def rows(
        self,
        merchant_id: str,
        figure: Figure,
        token: tuple[int, Address],
        now: int,
        *,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[tuple[Payment, int]]:
        """Return a piece of the payments that a figure is the sum of, newest first, each with its amount.

        Args:
            token: the chain's id and the token's address.
            now: the chain's time (Unix).

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        c, column = payments.c, COLUMN_OF[figure]
        # Where a status is asked for, its index is the short way, and SQLite would take the token's.
        named = func.coalesce(c.token, "") if figure in _STATUSES_OF else c.token
        always: list[ColumnElement[bool]] = [c.account == merchant_id, c.chain_id == token[0], named == token[1]]
        if figure is Figure.RELEASABLE:
            always.append(_is_releasable({token[0]: now}))
        if cursor is not None:
            before = read_cursor(cursor, int, int, str)
            always += [c.recorded_at <= before[0], tuple_(*ORDER) < tuple_(*before)]
        pieces = [(c.status == status.value,) for status in _STATUSES_OF.get(figure, ())] or [(column != 0,)]
        found: list[Any] = []
        for piece in pieces:
            wanted = select(*WHOLE).where(*always, *piece).order_by(*(each.desc() for each in ORDER))
            found += self._connection.execute(wanted.limit(limit + 1)).all()
        found.sort(key=lambda row: (row.recorded_at, row.chain_id, row.id), reverse=True)
        shown = found[:limit]
        last = shown[-1] if len(found) > limit else None
        return Page(
            [(payment_of(row), getattr(row, column.name)) for row in shown],
            write_cursor(last.recorded_at, last.chain_id, last.id) if last else None,
        )

    def owed(self, chain_id: int, account: Address, tokens: Collection[Address]) -> Mapping[Address, int]:
        """Return what the escrow owes an account on a chain, in base units by token; of these tokens alone.

        Anyone can make a token of his own and let pushes of it fail, as often as he likes: what nobody here vouches for
        and nobody here was paid in is for the caller to leave out.
        """
        c, p, w, dialect = events.c, payments.c, credit_withdrawals.c, self._connection.dialect.name
        total: Counter[Address] = Counter()
        for whose, to, moved in _pushes(c):
            failed = and_(_has(c.credited, whose), to == account, p.token.in_(tokens))
            pushed = select(p.token, *sum_of(moved, "owed", dialect)).join_from(payments, events, _SAME)
            for row in self._connection.execute(pushed.where(*_credited_on(chain_id), failed).group_by(p.token)):
                total[row.token] += read_sum(row, "owed", dialect)
        taken = select(w.token, *sum_of(w.amount, "owed", dialect)).where(
            w.chain_id == chain_id, w.account == account, w.token.in_(tokens), ~w.orphaned
        )
        for row in self._connection.execute(taken.group_by(w.token)):
            total[row.token] -= read_sum(row, "owed", dialect)
        return total

    def credits(self, merchant_id: str, chain_id: int, account: Address, token: Address) -> Sequence[CreditRow]:
        """Return everything that made up an account's credit in a token, oldest first.

        All pushes to it that failed count, whoever's payment it was: the escrow keeps one credit for an account and a
        token. What is no payment of this merchant's is not named.
        """
        e, p = events.c, payments.c
        is_of = or_(*(and_(_has(e.credited, whose), to == account) for whose, to, _ in _pushes(e)))
        amount = (e.moved_to_merchant, e.moved_to_fee_recipient, e.moved_to_buyer)
        wanted = select(
            *(e.chain_id, e.block_number, e.block_hash, e.block_timestamp, e.tx_hash, e.log_index, e.credited, *amount),
            *(p.merchant, p.fee_recipient, p.paid_for, p.token),
            case((p.account == merchant_id, p.id)).label("own"),
        ).join(payments, _SAME)
        wanted = wanted.where(*_credited_on(chain_id), p.token == token, is_of)
        found = [each for row in self._connection.execute(wanted) for each in _credited(row, account)]
        w = credit_withdrawals.c
        taken = select(credit_withdrawals).where(
            w.chain_id == chain_id, w.account == account, w.token == token, ~w.orphaned
        )
        found += [
            CreditRow(row.amount, True, None, _block(row), row.tx_hash, row.log_index, row.token)
            for row in self._connection.execute(taken)
        ]
        return sorted(found, key=lambda each: (each.block.number, each.log_index))


def _is_releasable(now: Mapping[int, int]) -> ColumnElement[bool]:
    """Return the condition that anyone may release a payment, as `payment.actions` has it."""
    c = payments.c
    over = [and_(c.chain_id == chain, c.since + c.dispute_window <= time) for chain, time in now.items()]
    return and_(c.status == Status.DELIVERED.value, or_(*over)) if over else c.chain_id.is_(None)


def _credited_on(chain_id: int) -> tuple[Any, ...]:
    """Return the condition that a push of an event failed; written as the partial index has it."""
    return events.c.chain_id == chain_id, text("events.credited <> 0"), ~events.c.orphaned


def _pushes(c: Any) -> tuple[tuple[Credited, ColumnElement[Any], ColumnElement[int]], ...]:
    """Return whose pushes an event tells of: the flag of a failed one, to whom it went, and its amount."""
    p = payments.c
    return (
        (Credited.MERCHANT, p.merchant, c.moved_to_merchant),
        (Credited.FEE_RECIPIENT, p.fee_recipient, c.moved_to_fee_recipient),
        (Credited.BUYER, p.paid_for, c.moved_to_buyer),
    )


def _has(column: ColumnElement[int], whose: Credited) -> ColumnElement[bool]:
    return column.bitwise_and(whose.value) != 0


def _block(row: Any) -> BlockRef:
    return BlockRef(row.block_number, row.block_hash, row.block_timestamp)


def _credited(row: Any, account: Address) -> list[CreditRow]:
    whose = Credited(row.credited)
    pushes = (
        (Credited.MERCHANT, row.merchant, row.moved_to_merchant),
        (Credited.FEE_RECIPIENT, row.fee_recipient, row.moved_to_fee_recipient),
        (Credited.BUYER, row.paid_for, row.moved_to_buyer),
    )
    return [
        CreditRow(amount, False, row.own, _block(row), row.tx_hash, row.log_index, row.token)
        for who, to, amount in pushes
        if who in whose and to == account and amount
    ]

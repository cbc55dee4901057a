"""Payments in the order in which the chain last moved them: what a report of settlements goes through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, select, tuple_

from earnest.payment.primitives import Address
from earnest.payment.record import Payment
from earnest.store.payment_pages import WHOLE
from earnest.store.payment_table import payment_of, payments

AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class SettlementFilter:
    """Which payments; None does not restrict. `moved_from`: the last event is not older (Unix, by the chain)."""

    chain_id: int | None = None
    token: Address | None = None
    moved_from: int | None = None


class Settlements:
    """Payments of which the chain has told something."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def moved(self, merchant_id: str, where: SettlementFilter) -> Iterator[list[Payment]]:
        """Yield a merchant's payments by the block of their last event, some hundreds at a time."""
        c = payments.c
        order = (c.block_number, c.chain_id, c.id)
        always: list[ColumnElement[bool]] = [c.account == merchant_id, c.block_number.is_not(None)]
        equal = {c.chain_id: where.chain_id, c.token: where.token}
        always += [column == value for column, value in equal.items() if value is not None]
        if where.moved_from is not None:
            always.append(c.block_timestamp >= where.moved_from)
        after: tuple[Any, ...] | None = None
        while True:
            # The first condition follows from the second, and only the first can begin a run through an index.
            rest = [] if after is None else [c.block_number >= after[0], tuple_(*order) > tuple_(*after)]
            wanted = select(*WHOLE).where(*always, *rest).order_by(*order).limit(AT_ONCE)
            rows = self._connection.execute(wanted).all()
            if not rows:
                return
            yield [payment_of(row) for row in rows]
            after = (rows[-1].block_number, rows[-1].chain_id, rows[-1].id)

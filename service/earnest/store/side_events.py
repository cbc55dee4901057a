"""What the escrow told of payments beside their own histories: deposits returned, items of batches passed over."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Index, Row, Table, Text, select

from earnest.payment.events import DepositReturned, ItemSkipped
from earnest.payment.primitives import Hash32
from earnest.store.log_tables import add_logs, block_of, orphan_logs, orphaned_column, place_columns, place_of
from earnest.store.records import StoredSideEvent
from earnest.store.schema import Amount, metadata

side_events = Table(
    "side_events",
    metadata,
    *place_columns(),
    Column("kind", Text, nullable=False),
    # No reference: a batch can pass over an id that nobody ever funded.
    Column("payment_id", Text, nullable=False),
    # Of a deposit returned.
    Column("token", Text),
    Column("buyer", Text),
    Column("amount", Amount),
    # Of an item passed over; its place is whatever the caller's list was long.
    Column("item", Amount),
    Column("why", Text),
    orphaned_column(),
    Index(None, "chain_id", "payment_id"),
)


MOST_TOLD = 200
"""Anyone can cause such events for any payment, a thousand in one tx; nobody's timeline grows by it without end."""


class SideEvents:
    """What was told of payments beside their own histories."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, told: Iterable[StoredSideEvent]) -> None:
        """Add side events; one that was orphaned becomes canonical again."""
        add_logs(self._connection, side_events, [_row(each) for each in told])

    def orphan(self, chain_id: int, block_hashes: Collection[Hash32]) -> None:
        """Flag the side events in these blocks as orphaned."""
        orphan_logs(self._connection, side_events, chain_id, block_hashes)

    def timeline(self, chain_id: int, payment_id: Hash32) -> Sequence[StoredSideEvent]:
        """Return the newest side events of a payment, at most `MOST_TOLD`, by block and log index, orphaned too."""
        c = side_events.c
        place = (c.block_number, c.block_timestamp, c.block_hash, c.log_index)
        wanted = select(side_events).where(c.chain_id == chain_id, c.payment_id == payment_id)
        wanted = wanted.order_by(*(column.desc() for column in place)).limit(MOST_TOLD)
        return [_event(row) for row in self._connection.execute(wanted)][::-1]


def _row(stored: StoredSideEvent) -> dict[str, Any]:
    event = stored.event
    row = {**place_of(stored), "kind": type(event).__name__, "payment_id": event.payment_id}
    nothing = dict.fromkeys(("token", "buyer", "amount", "item", "why"))
    if isinstance(event, DepositReturned):
        return {**row, **nothing, "token": event.token, "buyer": event.buyer, "amount": event.amount}
    return {**row, **nothing, "item": event.item, "why": event.why}


def _event(row: Row[Any]) -> StoredSideEvent:
    event: DepositReturned | ItemSkipped
    if row.kind == DepositReturned.__name__:
        event = DepositReturned(row.payment_id, row.token, row.buyer, row.amount)
    else:
        event = ItemSkipped(row.payment_id, row.item, row.why)
    return StoredSideEvent(row.chain_id, block_of(row), row.tx_hash, row.log_index, event, row.orphaned)

"""Credits that were withdrawn from the escrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import Column, Connection, Index, Table, Text, select

from earnest.payment.primitives import Address, Hash32
from earnest.store.log_tables import add_logs, orphan_logs, orphaned_column, place_columns, place_of
from earnest.store.records import StoredCredit
from earnest.store.schema import Amount, metadata

credit_withdrawals = Table(
    "credit_withdrawals",
    metadata,
    *place_columns(),
    Column("account", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("amount", Amount, nullable=False),
    orphaned_column(),
    Index(None, "chain_id", "account", "token"),
)


class Credits:
    """Withdrawals of credits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, withdrawals: Iterable[StoredCredit]) -> None:
        """Add withdrawals; one that was orphaned becomes canonical again."""
        rows = [
            {**place_of(each), "account": each.account, "token": each.token, "amount": each.amount}
            for each in withdrawals
        ]
        add_logs(self._connection, credit_withdrawals, rows)

    def orphan(self, chain_id: int, block_hashes: Collection[Hash32]) -> None:
        """Flag the withdrawals in these blocks as orphaned."""
        orphan_logs(self._connection, credit_withdrawals, chain_id, block_hashes)

    def totals(self, chain_id: int) -> Mapping[tuple[Address, Address], int]:
        """Return what was withdrawn in all, in base units, by (account, token)."""
        c = credit_withdrawals.c
        sums: Counter[tuple[Address, Address]] = Counter()
        # Summed here: SQLite would add digits up as floats.
        wanted = select(c.account, c.token, c.amount).where(c.chain_id == chain_id, ~c.orphaned)
        for account, token, amount in self._connection.execute(wanted):
            sums[account, token] += amount
        return sums

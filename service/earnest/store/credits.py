"""Credits that were withdrawn from the escrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import BigInteger, Boolean, Column, Connection, Index, Table, Text, false, select

from earnest.payment.primitives import Address, Hash32
from earnest.store.records import StoredCredit
from earnest.store.schema import Amount, columns_of, execute_many, in_lists, insert, metadata

credit_withdrawals = Table(
    "credit_withdrawals",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", Text, primary_key=True),
    Column("log_index", BigInteger, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_timestamp", BigInteger, nullable=False),
    Column("tx_hash", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("amount", Amount, nullable=False),
    Column("orphaned", Boolean, nullable=False, server_default=false()),
    Index(None, "chain_id", "account", "token"),
)


class Credits:
    """Withdrawals of credits."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, withdrawals: Iterable[StoredCredit]) -> None:
        """Add withdrawals; one that was orphaned becomes canonical again."""
        adding = insert(self._connection.dialect.name, credit_withdrawals)
        adding = adding.on_conflict_do_update(
            index_elements=["chain_id", "block_hash", "log_index"], set_={"orphaned": False}
        )
        rows = []
        for each in withdrawals:
            row = columns_of(each)
            block = row.pop("block")
            rows.append(
                row | {f"block_{name}": value for name, value in columns_of(block).items()} | {"orphaned": False}
            )
        execute_many(self._connection, adding, rows)

    def orphan(self, chain_id: int, block_hashes: Collection[Hash32]) -> None:
        """Flag the withdrawals in these blocks as orphaned."""
        for some in in_lists(block_hashes):
            c = credit_withdrawals.c
            dropped = credit_withdrawals.update().where(c.chain_id == chain_id, c.block_hash.in_(some))
            self._connection.execute(dropped.values(orphaned=True))

    def totals(self, chain_id: int) -> Mapping[tuple[Address, Address], int]:
        """Return what was withdrawn in all, in base units, by (account, token)."""
        c = credit_withdrawals.c
        sums: Counter[tuple[Address, Address]] = Counter()
        # Summed here: SQLite would add digits up as floats.
        wanted = select(c.account, c.token, c.amount).where(c.chain_id == chain_id, ~c.orphaned)
        for account, token, amount in self._connection.execute(wanted):
            sums[account, token] += amount
        return sums

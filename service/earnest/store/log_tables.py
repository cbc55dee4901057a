"""What tables of logs share: where a log stands, adding logs again after a reorg, and flagging those that one took."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Row, Table, Text, false

from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef
from earnest.store.bulk import Upsert, amount_writer, flag_writer
from earnest.store.schema import Amount, in_lists


def place_columns() -> tuple[Column[Any], ...]:
    """Return the columns that say where a log stands; together they are its key."""
    return (
        Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
        Column("block_hash", Text, primary_key=True),
        Column("log_index", BigInteger, primary_key=True, autoincrement=False),
        Column("block_number", BigInteger, nullable=False),
        Column("block_timestamp", BigInteger, nullable=False),
        Column("tx_hash", Text, nullable=False),
    )


def orphaned_column() -> Column[Any]:
    """Return the column that says whether a reorg took the log's block."""
    return Column("orphaned", Boolean, nullable=False, server_default=false())


def place_of(stored: Any) -> dict[str, Any]:
    """Return the place of a stored log as columns."""
    return {
        "chain_id": stored.chain_id,
        "block_hash": stored.block.hash,
        "log_index": stored.log_index,
        "block_number": stored.block.number,
        "block_timestamp": stored.block.timestamp,
        "tx_hash": stored.tx_hash,
    }


def block_of(row: Row[Any]) -> BlockRef:
    """Return the block of a log's row."""
    return BlockRef(row.block_number, row.block_hash, row.block_timestamp)


def add_logs(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Add logs; one that was orphaned becomes canonical again, as it is told now."""
    amount, no = amount_writer(connection), flag_writer(connection)(False)
    names, amounts = _names(table), [each.name for each in table.c if isinstance(each.type, Amount)]
    told = [{**row, "orphaned": no} for row in rows]
    for row in told:
        row |= {name: amount(row[name]) for name in amounts if row[name] is not None}
    _adding(table).write(connection, [tuple([row[name] for name in names]) for row in told])


@cache
def _adding(table: Table) -> Upsert:
    key = [each.name for each in table.primary_key]
    return Upsert(table, _names(table), key, changed=[name for name in _names(table) if name not in key])


def _names(table: Table) -> list[str]:
    return [each.name for each in table.c]


def orphan_logs(connection: Connection, table: Table, chain_id: int, block_hashes: Collection[Hash32]) -> None:
    """Flag the logs in these blocks as orphaned."""
    for some in in_lists(block_hashes):
        dropped = table.update().where(table.c.chain_id == chain_id, table.c.block_hash.in_(some))
        connection.execute(dropped.values(orphaned=True))

"""What tables of logs share: where a log stands, adding logs again after a reorg, and flagging those that one took."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Connection, Row, Table, Text, false

from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef
from earnest.store.schema import execute_many, in_lists, insert


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
    adding = [{**row, "orphaned": False} for row in rows]
    if adding:
        execute_many(connection, _adding(connection.dialect.name, table), adding)


@cache
def _adding(dialect: str, table: Table) -> Any:
    """Return the insert, built once: that takes longer than executing it."""
    adding = insert(dialect, table)
    key = ("chain_id", "block_hash", "log_index")
    changed = {each.name: adding.excluded[each.name] for each in table.c if each.name not in key}
    return adding.on_conflict_do_update(index_elements=key, set_=changed)


def orphan_logs(connection: Connection, table: Table, chain_id: int, block_hashes: Collection[Hash32]) -> None:
    """Flag the logs in these blocks as orphaned."""
    for some in in_lists(block_hashes):
        dropped = table.update().where(table.c.chain_id == chain_id, table.c.block_hash.in_(some))
        connection.execute(dropped.values(orphaned=True))

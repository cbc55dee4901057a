"""The chains that are followed, and their accepted blocks from the newest final one to the head."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    ClauseElement,
    Column,
    Connection,
    ForeignKey,
    Index,
    Table,
    Text,
    bindparam,
    false,
    select,
)

from earnest.payment.primitives import ZERO_HASH, Address, Hash32
from earnest.payment.record import BlockRef, ChainView
from earnest.store.raw import Fixed, Later
from earnest.store.records import ChainRow, StoredBlock
from earnest.store.schema import in_lists, insert, metadata

chains = Table(
    "chains",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("genesis_hash", Text, nullable=False),
    Column("escrow", Text, nullable=False),
    Column("head_number", BigInteger),
    Column("head_hash", Text),
    Column("head_timestamp", BigInteger),
    Column("final_number", BigInteger),
    Column("final_hash", Text),
    Column("final_timestamp", BigInteger),
    Column("last_batch", Text),
)

blocks = Table(
    "blocks",
    metadata,
    Column("chain_id", BigInteger, ForeignKey("chains.chain_id"), primary_key=True, autoincrement=False),
    Column("hash", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("parent_hash", Text, nullable=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("orphaned", Boolean, nullable=False, server_default=false()),
    Index(None, "chain_id", "number"),
)

NOTHING_FINAL: Final = BlockRef(-1, ZERO_HASH, 0)
"""Stands for the newest final block before there is one."""


class Blocks:
    """The followed chains' blocks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def chain(self, chain_id: int, *, lock: bool = False) -> ChainRow | None:
        """Return the followed chain, None if it never was; with `lock`, nobody else moves its cursor meanwhile."""
        return self.chain_later(chain_id, lock=lock)()

    def chain_later(self, chain_id: int, *, lock: bool = False) -> Later[ChainRow | None]:
        """Ask as `chain` does."""
        asked = (_LOCKED if lock else _CHAIN).ask_later(self._connection, {"chain_id": chain_id})

        def found() -> ChainRow | None:
            rows = asked()
            if not rows:
                return None
            id_, genesis_hash, escrow, *_head, number, hash_, timestamp, last_batch = rows[0]
            return ChainRow(id_, genesis_hash, escrow, _ref(number, hash_, timestamp), last_batch)

        return found

    def begin(self, chain_id: int, genesis_hash: Hash32, escrow: Address) -> None:
        """Note which chain is followed from now on; does nothing if one was noted before."""
        noting = insert(self._connection.dialect.name, chains).values(
            chain_id=chain_id, genesis_hash=genesis_hash, escrow=escrow
        )
        self._connection.execute(noting.on_conflict_do_nothing())

    def accepted(self, chain_id: int) -> Sequence[StoredBlock]:
        """Return the accepted blocks from the newest final one (or the first ever accepted) to the head."""
        rows = _ACCEPTED.ask(self._connection, {"chain_id": chain_id})
        return [StoredBlock(BlockRef(number, hash_, timestamp), parent) for number, hash_, parent, timestamp in rows]

    def add(self, chain_id: int, accepted: Iterable[StoredBlock]) -> None:
        """Add accepted blocks; one that was orphaned becomes canonical again, as it is told now."""
        rows = [
            {
                "chain_id": chain_id,
                "hash": block.ref.hash,
                "number": block.ref.number,
                "parent_hash": block.parent_hash,
                "timestamp": block.ref.timestamp,
            }
            for block in accepted
        ]
        _ADDING.tell_each(self._connection, rows)

    def orphan(self, chain_id: int, hashes: Collection[Hash32]) -> None:
        """Flag blocks as dropped by the chain."""
        for some in in_lists(hashes):
            dropped = blocks.update().where(blocks.c.chain_id == chain_id, blocks.c.hash.in_(some))
            self._connection.execute(dropped.values(orphaned=True))

    def set_position(self, chain_id: int, head: BlockRef | None, final: BlockRef | None, last_batch: str) -> None:
        """Move the cursor: the head, the newest final block, and the batch that led there."""
        reached = {
            "head_number": head.number if head else None,
            "head_hash": head.hash if head else None,
            "head_timestamp": head.timestamp if head else None,
            "final_number": final.number if final else None,
            "final_hash": final.hash if final else None,
            "final_timestamp": final.timestamp if final else None,
            "last_batch": last_batch,
        }
        _MOVING.tell(self._connection, {"chain": chain_id, **reached})

    def prune(self, chain_id: int, below_number: int) -> None:
        """Forget blocks below a final one: no reorg reaches them."""
        _PRUNING.tell(self._connection, {"chain_id": chain_id, "below": below_number})

    def view(self, chain_id: int) -> ChainView | None:
        """Return the head and the newest final block; None before the first block. Number -1: nothing final yet."""
        row = self._connection.execute(select(chains).where(chains.c.chain_id == chain_id)).one_or_none()
        head = _ref(row.head_number, row.head_hash, row.head_timestamp) if row else None
        if row is None or head is None:
            return None
        return ChainView(head, _ref(row.final_number, row.final_hash, row.final_timestamp) or NOTHING_FINAL)


def _adding(dialect: str) -> ClauseElement:
    given = ("chain_id", "hash", "number", "parent_hash", "timestamp")
    adding = insert(dialect, blocks).values({name: bindparam(name) for name in given})
    told = {name: adding.excluded[name] for name in ("number", "parent_hash", "timestamp")}
    return adding.on_conflict_do_update(index_elements=["chain_id", "hash"], set_={**told, "orphaned": false()})


_c: Final = blocks.c
_this_chain: Final = bindparam("chain_id", type_=BigInteger)
_CHAIN: Final = Fixed(lambda _: select(chains).where(chains.c.chain_id == _this_chain))
_LOCKED: Final = Fixed(lambda _: select(chains).where(chains.c.chain_id == _this_chain).with_for_update())
_ACCEPTED: Final = Fixed(
    lambda _: (
        select(_c.number, _c.hash, _c.parent_hash, _c.timestamp)
        .where(_c.chain_id == _this_chain, ~_c.orphaned)
        .order_by(_c.number)
    )
)
_ADDING: Final = Fixed(_adding)
_PRUNING: Final = Fixed(
    lambda _: blocks.delete().where(_c.chain_id == _this_chain, _c.number < bindparam("below", type_=BigInteger))
)
_MOVING: Final = Fixed(
    lambda _: (
        chains.update()
        .where(chains.c.chain_id == bindparam("chain", type_=BigInteger))
        .values(
            {each.name: bindparam(each.name) for each in chains.c if each.name.startswith(("head_", "final_", "last_"))}
        )
    )
)


def _ref(number: int | None, hash_: str | None, timestamp: int | None) -> BlockRef | None:
    if number is None or hash_ is None or timestamp is None:
        return None
    return BlockRef(number, Hash32(hash_), timestamp)

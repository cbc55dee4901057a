"""The chains that are followed, and their accepted blocks from the newest final one to the head."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef, ChainView
from earnest.store.records import (
    ChainRow,
    StoredBlock,
)


class Blocks:
    """The followed chains' blocks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def chain(self, chain_id: int, *, lock: bool = False) -> ChainRow | None:
        """Return the followed chain, None if it never was."""
        raise NotImplementedError

    def begin(self, chain_id: int, genesis_hash: Hash32, escrow: Address) -> None:
        """Note which chain is followed from now on; does nothing if one was noted before."""
        raise NotImplementedError

    def accepted(self, chain_id: int) -> Sequence[StoredBlock]:
        """Return the accepted blocks from the newest final one (or the first ever accepted) to the head."""
        raise NotImplementedError

    def add(self, chain_id: int, blocks: Iterable[StoredBlock]) -> None:
        """Add accepted blocks; one that was orphaned becomes canonical again."""
        raise NotImplementedError

    def orphan(self, chain_id: int, hashes: Collection[Hash32]) -> None:
        """Flag blocks as dropped by the chain."""
        raise NotImplementedError

    def set_position(self, chain_id: int, head: BlockRef | None, final: BlockRef | None, last_batch: str) -> None:
        """Move the cursor: the head, the newest final block, and the batch that led there."""
        raise NotImplementedError

    def prune(self, chain_id: int, below_number: int) -> None:
        """Forget blocks below a final one: no reorg reaches them."""
        raise NotImplementedError

    def view(self, chain_id: int) -> ChainView | None:
        """Return the head and the newest final block; None before the first block. Number -1: nothing final yet."""
        raise NotImplementedError

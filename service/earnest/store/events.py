"""The payments' events: a log that is only added to; what a reorg took back is flagged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from earnest.payment.primitives import Hash32
from earnest.store.records import (
    StoredEvent,
)


class Events:
    """The payments' events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, chain_id: int, events: Iterable[StoredEvent]) -> None:
        """Add events (their payments must be there); one that was orphaned becomes canonical again."""
        raise NotImplementedError

    def canonical(self, chain_id: int, payment_ids: Collection[Hash32]) -> dict[Hash32, list[StoredEvent]]:
        """Return the payments' events that count, by payment, in order of `seq`."""
        raise NotImplementedError

    def timeline(self, chain_id: int, payment_id: Hash32) -> Sequence[StoredEvent]:
        """Return all events of a payment by block and log index, the orphaned ones included."""
        raise NotImplementedError

    def in_blocks(self, chain_id: int, block_hashes: Collection[Hash32]) -> Sequence[StoredEvent]:
        """Return the canonical events in these blocks, by block and log index."""
        raise NotImplementedError

    def orphan(self, chain_id: int, block_hashes: Collection[Hash32]) -> None:
        """Flag the events in these blocks as orphaned."""
        raise NotImplementedError

    def not_yet_final(self, chain_id: int, up_to_block_number: int) -> Sequence[StoredEvent]:
        """Return the canonical events up to a block that are not marked as final, by block and log index."""
        raise NotImplementedError

    def mark_final(self, chain_id: int, up_to_block_number: int) -> None:
        """Mark the canonical events up to a block as final."""
        raise NotImplementedError

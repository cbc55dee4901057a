"""What a batch of updates touches, read off before anything is looked up. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from earnest.chain.updates import BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate
from earnest.mirror.window import ref
from earnest.payment.events import PaymentEvent
from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef


def name_of(updates: Sequence[ChainUpdate]) -> str:
    """Return a name that only the same updates have; a block's hash stands for all that is in it."""
    words = []
    for update in updates:
        match update:
            case BlockAccepted(block):
                words.append(f"accepted {block.hash}\n")
            case BlocksOrphaned(blocks):
                words.append(f"orphaned {' '.join(block.hash for block in blocks)}\n")
            case BlockFinal(block):
                words.append(f"final {block.hash}\n")
    return hashlib.sha256("".join(words).encode()).hexdigest()


def payments_told(updates: Sequence[ChainUpdate]) -> set[Hash32]:
    """Return the ids of the payments that have events in accepted blocks."""
    return {event.payment_id for event in _payment_events(updates)}


def payments_funded(updates: Sequence[ChainUpdate]) -> set[Hash32]:
    """Return the ids of the payments whose fundings stand in accepted blocks."""
    return {event.payment_id for event in _payment_events(updates) if event.funding is not None}


def _payment_events(updates: Sequence[ChainUpdate]) -> Iterator[PaymentEvent]:
    for update in updates:
        if isinstance(update, BlockAccepted):
            for log in update.logs:
                if isinstance(log.event, PaymentEvent):
                    yield log.event


def count_logs(updates: Sequence[ChainUpdate]) -> int:
    """Return how many logs stand in accepted blocks."""
    return sum(len(update.logs) for update in updates if isinstance(update, BlockAccepted))


def blocks_orphaned(updates: Sequence[ChainUpdate]) -> set[BlockRef]:
    """Return the blocks that are dropped."""
    return {ref(block) for update in updates if isinstance(update, BlocksOrphaned) for block in update.blocks}


def highest_accepted(updates: Sequence[ChainUpdate]) -> int:
    """Return the number of the highest accepted block, -1 if there is none."""
    return max((update.block.number for update in updates if isinstance(update, BlockAccepted)), default=-1)


def highest_final(updates: Sequence[ChainUpdate]) -> tuple[int, int]:
    """Return the number and the time up to which blocks become final, (-1, -1) if none does."""
    finals = [update.block for update in updates if isinstance(update, BlockFinal)]
    return max((block.number for block in finals), default=-1), max((block.timestamp for block in finals), default=-1)

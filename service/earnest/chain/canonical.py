"""Which blocks count, given what the mirror holds and what the node tells: pure, so that every case can be tried."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from earnest.chain.errors import HeadersDisagree
from earnest.chain.node import Header
from earnest.chain.updates import Block, BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate, Position


def linked(parent: Block | None, headers: Sequence[Header | None]) -> list[Header]:
    """Return the longest beginning of `headers` that follows `parent` block by block.

    The node may move while we ask, so that later headers stand on another branch: those are asked for again later.
    Without a parent the first header is taken as it is.
    """
    chain: list[Header] = []
    for header in headers:
        if header is None or not _follows(parent, header.block):
            break
        chain.append(header)
        parent = header.block
    return chain


def check_linked(parent: Block | None, headers: Sequence[Header | None]) -> list[Header]:
    """Return all of `headers`; raises `HeadersDisagree` unless each follows the one before it."""
    chain = linked(parent, headers)
    if len(chain) < len(headers):
        before = chain[-1].block if chain else parent
        raise HeadersDisagree(
            f"the block after {before.number} ({before.hash}) does not follow it" if before else "a block is missing"
        )
    return chain


def block_at(position: Position, number: int) -> Block | None:
    """Return the accepted block with this number, None if the mirror no longer holds it or never did."""
    return next((block for block in reversed(position.blocks) if block.number == number), None)


def newest_shared(position: Position, told: Iterable[Header]) -> Block | None:
    """Return the newest accepted block that is also among the node's headers, None if none is."""
    hashes = {header.block.hash for header in told}
    return next((block for block in reversed(position.blocks) if block.hash in hashes), None)


def above(position: Position, shared: Block | None) -> tuple[Block, ...]:
    """Return the accepted blocks above the shared one, newest first; all of them if nothing is shared."""
    lowest = -1 if shared is None else shared.number
    return tuple(block for block in reversed(position.blocks) if block.number > lowest)


def newly_final(position: Position, final_number: int) -> Block | None:
    """Return the accepted block that is final now and was not before, given the chain's newest final number."""
    if position.head is None:
        return None
    number = min(final_number, position.head.number)
    return block_at(position, number) if number > position.final_number else None


def after(position: Position, updates: Iterable[ChainUpdate]) -> Position:
    """Return the position once these updates are believed.

    Raises:
        HeadersDisagree: one does not fit: it orphans what is not the newest, or makes final what was not accepted.
    """
    blocks, final_number = list(position.blocks), position.final_number
    for update in updates:
        match update:
            case BlockAccepted(block):
                if blocks and block.number <= blocks[-1].number:
                    raise HeadersDisagree(f"block {block.number} comes after block {blocks[-1].number}")
                blocks.append(block)
            case BlocksOrphaned(dropped):
                if list(reversed(dropped)) != blocks[len(blocks) - len(dropped) :]:
                    raise HeadersDisagree("blocks that are not the newest accepted ones cannot be orphaned")
                del blocks[len(blocks) - len(dropped) :]
            case BlockFinal(block):
                if block not in blocks or block.number <= final_number:
                    raise HeadersDisagree(f"block {block.number} ({block.hash}) was not accepted, or is final already")
                blocks = [each for each in blocks if each.number >= block.number]
                final_number = block.number
    return Position(position.genesis_hash, tuple(blocks), final_number)


def _follows(parent: Block | None, child: Block) -> bool:
    return parent is None or (child.parent_hash == parent.hash and child.number == parent.number + 1)

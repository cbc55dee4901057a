"""Where a replay has to end so that it can be compared with a mirror: at the newest block of his that the chain has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from earnest.chain.finality import final_number
from earnest.chain.node import Node
from earnest.chain.updates import Block
from earnest.payment.record import BlockRef
from earnest.settings import FinalityRule
from earnest.store import Store, Transaction
from earnest.store.records import ChainRow

ASKED_AT_ONCE: Final = 50
HIGHEST: Final = 2**62
"""No chain has such a block; a row that says so was not written by us."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a mirror says of its position, each in its own way, though they must all agree.

    `blocks` are numbers and hashes that were believed, newest first, before those of events.
    """

    chain: ChainRow
    head: BlockRef | None
    blocks: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """A replay's last block (None: the chain has none of the mirror's) and its newest final block's number, or -1."""

    head: Block | None
    final: int


def see(tx: Transaction, chain: ChainRow) -> Seen:
    """Return what the mirror says of its position."""
    view = tx.blocks.view(chain.chain_id)
    head = view.head if view else None
    known = {(each.ref.number, str(each.ref.hash)) for each in tx.blocks.accepted(chain.chain_id)}
    known |= {(each.number, str(each.hash)) for each in (head, chain.final) if each}
    return Seen(chain, head, tuple(sorted((each for each in known if _is_number(each[0])), reverse=True)))


def find_goal(store: Store, seen: Seen, node: Node, finality: FinalityRule, first: int) -> Goal:
    """Return where a replay must end; `first` is the number of the block in which the escrow was deployed.

    Where the chain has dropped what was final, this is the last block that matches: what came after it is left to the
    follower, which tells of it as of everything that is new.
    """
    head = _newest_shared(store, seen, node, first)
    if head is None:
        return Goal(None, -1)
    latest = node.header("latest")
    reached = -1 if latest is None else final_number(node, finality, latest)
    return Goal(head, min(_final(store, seen, node, head), reached, head.number))


def _newest_shared(store: Store, seen: Seen, node: Node, first: int) -> Block | None:
    for some in _candidates(store, seen):
        usable = [(number, hash_) for number, hash_ in some if _is_number(number) and first <= number < HIGHEST]
        told = node.headers([number for number, _ in usable])
        for (_, hash_), header in zip(usable, told, strict=True):
            if header is not None and header.block.hash == hash_:
                return header.block
    return None


def _candidates(store: Store, seen: Seen) -> Iterator[Sequence[tuple[int, str]]]:
    """The blocks that the mirror believed in, newest first: those of its window, then those that hold events."""
    # The newest one alone first: in all but the rarest case it is the one.
    yield seen.blocks[:1]
    for start in range(1, len(seen.blocks), ASKED_AT_ONCE):
        yield seen.blocks[start : start + ASKED_AT_ONCE]
    below: int | None = HIGHEST
    while True:
        with store.read() as tx:
            some = tx.facts.event_blocks(seen.chain.chain_id, below, ASKED_AT_ONCE)
        if not some:
            return
        yield some
        below = some[-1][0]


def _final(store: Store, seen: Seen, node: Node, head: Block) -> int:
    """Return what was final of the blocks up to `head`, which the chain has."""
    final = seen.chain.final
    if final is None or not _is_number(final.number):
        return -1
    if final.number >= head.number:
        return head.number
    # It is the lowest of the window, too. If the chain does not know it, a row was changed by hand.
    for number, hash_ in [(final.number, str(final.hash)), *reversed(seen.blocks)]:
        header = node.header(number) if 0 <= number <= head.number else None
        if header is not None and header.block.hash == hash_:
            return number
    with store.read() as tx:
        told = tx.facts.last_final_event(seen.chain.chain_id, head.number)
    return final.number if told is None else told


def _is_number(value: object) -> bool:
    """Whether it is one: SQLite keeps whatever a person writes into a column of numbers."""
    return isinstance(value, int)

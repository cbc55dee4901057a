"""What a chain may do, as steps that Hypothesis draws, and what a follower tells of it, in whatever batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from earnest.chain.updates import BlockAccepted, ChainUpdate
from tests.support.ledger import FakeChain

Choices = Sequence[tuple[int, int]]
"""Each is a payment and which of its possible events comes next, or something told beside payments."""


@dataclass(frozen=True)
class Mine:
    """A block."""

    choices: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Reorg:
    """Blocks dropped; the same ones come back, or not."""

    depth: int
    back: bool


@dataclass(frozen=True)
class Finalize:
    """The block `depth` below the head becomes final."""

    depth: int


Step = Mine | Reorg | Finalize
cuts = st.lists(st.integers(1, 6), min_size=1, max_size=10)


def histories(mines: st.SearchStrategy[Mine]) -> st.SearchStrategy[list[Step]]:
    """Return histories of these blocks."""
    reorgs = st.builds(Reorg, st.integers(1, 4), st.booleans())
    finals = st.builds(Finalize, st.integers(0, 3))
    return st.lists(st.one_of(mines, mines, mines, reorgs, finals), max_size=25)


def play(
    history: Sequence[Step], chain: FakeChain, mine: Callable[[FakeChain, Choices], BlockAccepted]
) -> list[ChainUpdate]:
    """Let a chain live through a history and return what a follower tells of it; `mine` makes a block of choices."""
    told: list[ChainUpdate] = []
    for step in history:
        match step:
            case Mine(chosen):
                told.append(mine(chain, chosen))
            case Reorg(depth, back):
                room = sum(accepted.block.number > chain.final for accepted in chain.blocks)
                if min(depth, room):
                    orphaned, dropped = chain.drop(min(depth, room))
                    told += [orphaned, *(chain.put_back(dropped) if back else [])]
            case Finalize(depth):
                if len(chain.blocks) > depth and chain.blocks[-1 - depth].block.number > chain.final:
                    told.append(chain.finalize(depth))
    return told


def cut(updates: Sequence[ChainUpdate], sizes: Sequence[int]) -> list[Sequence[ChainUpdate]]:
    """Return the updates in batches of these sizes, in turn."""
    batches, start, turn = [], 0, 0
    while start < len(updates):
        size = sizes[turn % len(sizes)]
        batches.append(updates[start : start + size])
        start, turn = start + size, turn + 1
    return batches

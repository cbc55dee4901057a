"""What the follower tells: a block accepted with its logs, blocks orphaned, a block final. There are only these three.

A reorg is a value like the others: the consumer is one `match`, and nobody keeps a second truth beside the fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from earnest.payment.events import EscrowEvent
from earnest.payment.primitives import Hash32
from earnest.payment.values import quick


@quick
@dataclass(frozen=True, slots=True)
class Block:
    """A block's header as far as we need it. `timestamp` is Unix time, the chain's own clock."""

    number: int
    hash: Hash32
    parent_hash: Hash32
    timestamp: int


@quick
@dataclass(frozen=True, slots=True)
class EscrowLog:
    """One decoded log of the escrow and where it stands; `log_index` counts within the block."""

    tx_hash: Hash32
    log_index: int
    event: EscrowEvent


@quick
@dataclass(frozen=True, slots=True)
class BlockAccepted:
    """A block of the canonical chain with all the escrow's logs in it, in order.

    Near the head every block is told. Below finality, where no reorg can reach, blocks without logs may be left out.
    """

    block: Block
    logs: tuple[EscrowLog, ...] = ()


@dataclass(frozen=True, slots=True)
class BlocksOrphaned:
    """Accepted blocks that the chain has dropped, newest first. What replaces them follows as `BlockAccepted`."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class BlockFinal:
    """This accepted block and all below it are past the chain's finality."""

    block: Block


ChainUpdate = BlockAccepted | BlocksOrphaned | BlockFinal


@dataclass(frozen=True, slots=True)
class Position:
    """How far the mirror has followed one chain.

    `blocks` are the accepted blocks from the newest final one (or the first ever accepted) to the head, oldest first.
    `final_number` is the newest final block's number, -1 before there is one.
    """

    genesis_hash: Hash32
    blocks: tuple[Block, ...]
    final_number: int = -1

    @property
    def head(self) -> Block | None:
        """The newest accepted block, None before the first."""
        return self.blocks[-1] if self.blocks else None


class Mirror(Protocol):
    """The follower's one consumer, filled in by the wiring."""

    def position(self) -> Position | None:
        """Return how far the chain was followed, None if never."""

    def begin(self, genesis_hash: Hash32) -> Position:
        """Note the genesis of the chain that is followed from now on; raises if another one was noted before."""

    def take(self, updates: Sequence[ChainUpdate]) -> None:
        """Believe these updates, all in one transaction."""

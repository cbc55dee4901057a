"""The accepted blocks that a reorg can still reach, and the rules by which they change. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from earnest.chain.updates import Block
from earnest.mirror.errors import BlockDoesNotFit, FinalBlockDropped
from earnest.payment.record import BlockRef, ChainView
from earnest.payment.values import maker
from earnest.store.blocks import NOTHING_FINAL


class Window:
    """The accepted blocks from the newest final one (or the first ever) to the head, oldest first.

    `covered_up_to` is the highest block that the updates at hand declare final: below it no reorg can reach, so there
    blocks without logs may be left out.
    """

    def __init__(self, blocks: Sequence[Block], final: BlockRef | None, covered_up_to: int) -> None:
        self.blocks, self.final = list(blocks), final
        self._covered_up_to = covered_up_to

    @property
    def head(self) -> Block | None:
        """The newest accepted block."""
        return self.blocks[-1] if self.blocks else None

    @property
    def view(self) -> ChainView | None:
        """How far the chain is seen, None before the first block."""
        return ChainView(ref(self.head), self.final or NOTHING_FINAL) if self.head else None

    def accept(self, block: Block) -> None:
        """Put a block on top; raises `BlockDoesNotFit` unless it continues the chain."""
        if self.blocks:
            head = self.blocks[-1]
            follows = block.number == head.number + 1 and block.parent_hash == head.hash
            skips = head.number + 1 < block.number <= self._covered_up_to
            if not follows and not skips:
                raise BlockDoesNotFit(
                    f"block {block.number} ({block.hash}) with parent {block.parent_hash} does not continue from "
                    f"block {head.number} ({head.hash})"
                )
        self.blocks.append(block)

    def drop(self, blocks: Sequence[Block]) -> None:
        """Take blocks off the top, newest first.

        Raises:
            FinalBlockDropped: one of them was final.
            BlockDoesNotFit: they are not the newest ones.
        """
        if self.final is not None:
            for block in blocks:
                if block.number <= self.final.number:
                    raise FinalBlockDropped(
                        f"block {block.number} ({block.hash}) is said to be dropped, "
                        f"but block {self.final.number} was final"
                    )
        for block in blocks:
            if self.head != block:
                raise BlockDoesNotFit(f"block {block.number} ({block.hash}) cannot be dropped: it is not the newest")
            self.blocks.pop()

    def settle(self, block: Block) -> bool:
        """Make a block and all below it final; returns False if it was before.

        Raises:
            FinalBlockDropped: another block of that height was final.
            BlockDoesNotFit: it is none of the accepted ones.
        """
        if self.final is not None and block.number <= self.final.number:
            if block.number == self.final.number and block.hash != self.final.hash:
                raise FinalBlockDropped(
                    f"block {block.number} is said to be final as {block.hash}, but it was final as {self.final.hash}"
                )
            return False
        if block not in reversed(self.blocks):
            raise BlockDoesNotFit(f"block {block.number} ({block.hash}) cannot be final: it was not accepted")
        self.blocks = [each for each in self.blocks if each.number >= block.number]
        self.final = ref(block)
        return True


def ref(block: Block) -> BlockRef:
    """Return how the rest of the house names a block."""
    return _block_ref(block.number, block.hash, block.timestamp)


_block_ref = maker(BlockRef)

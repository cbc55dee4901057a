"""A mirror in memory that believes nothing twice: it refuses whatever a correct follower never tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from earnest.chain.updates import Block, BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate, EscrowLog, Position
from earnest.payment.primitives import Hash32


class FakeMirror:
    """Stands at the port `earnest.chain.updates.Mirror` and keeps what it was told.

    Args:
        fault: called before each `take` is carried out (with False) and after it was (with True); may raise.
    """

    def __init__(self, fault: Callable[[bool], None] | None = None) -> None:
        self.genesis: Hash32 | None = None
        self.blocks: list[Block] = []
        """Every accepted block that was not orphaned, final ones included."""
        self.logs: dict[tuple[Hash32, int], EscrowLog] = {}
        self.final_number = -1
        self.takes: list[tuple[ChainUpdate, ...]] = []
        self.fault = fault

    def position(self) -> Position | None:
        """Return how far the chain was followed."""
        if self.genesis is None:
            return None
        kept = tuple(block for block in self.blocks if block.number >= self.final_number)
        return Position(self.genesis, kept, self.final_number)

    def begin(self, genesis_hash: Hash32) -> Position:
        """Note the genesis."""
        assert self.genesis in (None, genesis_hash), "begun with another genesis"
        self.genesis = genesis_hash
        return Position(genesis_hash, ())

    def take(self, updates: Sequence[ChainUpdate]) -> None:
        """Believe these updates, all or none."""
        assert updates, "a batch of nothing"
        if self.fault:
            self.fault(False)
        saved = (list(self.blocks), dict(self.logs), self.final_number)
        try:
            for update in updates:
                self._believe(update)
            self._check_nothing_left_out()
        except BaseException:
            self.blocks, self.logs, self.final_number = saved
            raise
        self.takes.append(tuple(updates))
        if self.fault:
            self.fault(True)

    def _believe(self, update: ChainUpdate) -> None:
        match update:
            case BlockAccepted(block, logs):
                self._accept(block, logs)
            case BlocksOrphaned(blocks):
                assert blocks, "nothing orphaned"
                for block in blocks:
                    assert block.number > self.final_number, "a final block orphaned"
                    assert self.blocks[-1] == block, "orphaned out of order"
                    self.blocks.pop()
                    self.logs = {key: log for key, log in self.logs.items() if key[0] != block.hash}
            case BlockFinal(block):
                assert block in self.blocks, "final, but never accepted"
                assert block.number > self.final_number, "final twice"
                self.final_number = block.number

    def _check_nothing_left_out(self) -> None:
        """Blocks may be left out only where no reorg can reach."""
        near = [block for block in self.blocks if block.number >= self.final_number]
        for below, above in pairwise(near):
            assert above.parent_hash == below.hash, "a block left out that is not final"

    def _accept(self, block: Block, logs: Sequence[EscrowLog]) -> None:
        if self.blocks:
            head = self.blocks[-1]
            assert block.number > head.number, "a block that is not above the head"
            assert block.number > head.number + 1 or block.parent_hash == head.hash, "a block of another branch"
        self.blocks.append(block)
        for log in logs:
            key = (block.hash, log.log_index)
            assert key not in self.logs, "a log told twice"
            self.logs[key] = log

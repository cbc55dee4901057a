"""Fetches blocks with the escrow's logs and checks the one against the other, before anything is believed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from earnest.chain.bloom import bloom_of, may_hold_events
from earnest.chain.canonical import check_linked, linked
from earnest.chain.errors import HeadersDisagree, LogsDisagree, RpcError
from earnest.chain.logs import decode_block
from earnest.chain.node import Header, Node, RawLog
from earnest.chain.ranges import PageSize, Remedy, remedy
from earnest.chain.updates import Block, BlockAccepted
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Address, Hash32

LIVE_BLOCKS: Final = 64
"""How many blocks near the head go into one batch: a slot's worth of every chain we know, small enough for one call."""
MAX_PAGE_LOGS: Final = 20_000
"""A page with more logs is asked for in halves, so that one transaction of the mirror stays bounded."""
ASKED_AGAIN: Final = 3
"""How often an empty answer is doubted when the bloom says maybe: nodes were seen to give 10% of them for nothing."""
_IS_HEX: Final = re.compile(r"0x(?:[0-9a-fA-F]{2})*").fullmatch
_SAYS_NOTHING: Final = (1 << 2048) - 1
"""A bloom with every bit set: some chains do not keep one."""


class Fetcher:
    """Asks one node for the blocks of one escrow."""

    def __init__(self, node: Node, escrow: Address) -> None:
        self._node = node
        self._escrow = escrow
        self._size = PageSize()

    def live(self, parent: Block | None, first: int, last: int) -> list[BlockAccepted]:
        """Return the blocks from `first` on that follow `parent`, at most `LIVE_BLOCKS`, each with its logs by hash.

        Raises:
            HeadersDisagree: the first one does not follow `parent`: the chain moved since it was looked at.
        """
        numbers = range(first, min(last, first + LIVE_BLOCKS - 1) + 1)
        headers = linked(parent, self._node.headers(numbers))
        if not headers:
            raise HeadersDisagree(f"block {first} does not follow {parent.hash if parent else 'anything'}")
        logs = self._node.logs_in_blocks(self._escrow, [header.block.hash for header in headers])
        return [self._accept(header, raws) for header, raws in zip(headers, logs, strict=True)]

    def page(self, parent: Block | None, first: int, last: int) -> list[BlockAccepted]:
        """Return the final blocks from `first` on that hold logs, and the last one of the page with or without.

        Asks for as many blocks as the node gives at once, at most up to `last`, and checks every header on the way.
        """
        numbers, raws = self._page_of_logs(first, last)
        headers = check_linked(parent, self._node.headers(numbers))
        by_number: dict[int, list[RawLog]] = {}
        for raw in raws:
            by_number.setdefault(self._node.quantity(raw.block_number), []).append(raw)
        accepted = [self._accept(header, by_number.pop(header.block.number, ())) for header in headers]
        if by_number:
            raise LogsDisagree(f"logs of blocks {sorted(by_number)[:3]} in an answer about {first} to {numbers[-1]}")
        return [each for each in accepted if each.logs or each is accepted[-1]]

    def _page_of_logs(self, first: int, last: int) -> tuple[range, list[RawLog]]:
        while True:
            numbers = range(first, min(last, first + self._size.blocks - 1) + 1)
            try:
                raws = self._node.logs_in_range(self._escrow, first, numbers[-1])
            except EarnestError as error:
                if remedy(error) is Remedy.WAIT or not self._size.shrink():
                    raise
                continue
            if len(raws) <= MAX_PAGE_LOGS or not self._size.shrink():
                self._size.grow()
                return numbers, raws

    def _accept(self, header: Header, raws: Sequence[RawLog]) -> BlockAccepted:
        if not raws and may_hold_events(header.bloom, self._escrow):
            raws = self._ask_again(header)
        return BlockAccepted(header.block, decode_block(header, raws, self._escrow))

    def _ask_again(self, header: Header) -> Sequence[RawLog]:
        """Return the escrow's logs out of all those of the block, which have to account for its bloom, bit by bit.

        An event that is missed here is missed for ever, and its payment would be told as expired though it was paid.

        Raises:
            LogsDisagree: the node keeps some of the block's logs back.
        """
        if header.bloom == _SAYS_NOTHING:
            return self._believe_in_the_end(header.block.hash)
        for _ in range(ASKED_AGAIN):
            try:
                every = self._node.every_log_in_block(header.block.hash)
            except RpcError:
                # Some nodes want an address in each question about logs.
                return self._believe_in_the_end(header.block.hash)
            if not header.bloom & ~_bloom_of(every):
                return [raw for raw in every if raw.address.lower() == self._escrow.lower()]
        raise LogsDisagree(
            f"block {header.block.number} ({header.block.hash}): its logs do not add up to the bloom of its header"
        )

    def _believe_in_the_end(self, block_hash: Hash32) -> Sequence[RawLog]:
        for _ in range(ASKED_AGAIN):
            (raws,) = self._node.logs_in_blocks(self._escrow, [block_hash])
            if raws:
                return raws
        return ()


def _bloom_of(raws: Sequence[RawLog]) -> int:
    return bloom_of(Hash32(value.lower()) for raw in raws for value in (raw.address, *raw.topics) if _IS_HEX(value))

"""Fetches blocks with the escrow's logs and checks the one against the other, before anything is believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from earnest.chain.bloom import accounted_for
from earnest.chain.canonical import check_linked, linked
from earnest.chain.completeness import Doubter
from earnest.chain.errors import HeadersDisagree, NodeBehind
from earnest.chain.logs import decode_block
from earnest.chain.node import Call, Header, Node, RawLog, logs_call
from earnest.chain.pieces import LOGS_AT_ONCE, Pieces
from earnest.chain.receipts import Receipts
from earnest.chain.updates import Block, BlockAccepted
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Address, Hash32

LIVE_BLOCKS: Final = 128
"""How many blocks near the head are taken at once: the deepest reorg above finality comes in one piece."""
MAX_PAGE_LOGS: Final = 5_000
"""No page takes another piece that may lead beyond it, so that memory and one transaction of the mirror stay bounded.
Twice as many held 12 MiB more for a tenth less CPU at most; half as many take a tenth more, as they write more of the
database's pages."""
_NONE_KNOWN: Final[Mapping[int, Header]] = {}


def nobody() -> list[Node]:
    """Return the other nodes where there are none."""
    return []


class Fetcher:
    """Asks one node for the blocks of one escrow.

    Args:
        node: who is asked, for everything that is believed.
        escrow: whose logs are wanted.
        others: who else may be asked whether this one keeps logs back.
        receipts: the chain's, by which that is known for certain.
    """

    def __init__(
        self,
        node: Node,
        escrow: Address,
        others: Callable[[], Sequence[Node]] = nobody,
        receipts: Receipts | None = None,
    ) -> None:
        self._node = node
        self._escrow = escrow
        self._pieces = Pieces(node, escrow)
        self._receipts = receipts or Receipts()
        self._doubter = Doubter(node, escrow, others, self._receipts)

    def hoped(self, block_hash: Hash32 | None) -> list[Call]:
        """Return the questions about a block that may be the newest, to be asked along with that one."""
        if block_hash is None:
            return []
        return [logs_call(self._escrow, block_hash), *self._receipts.hoped(block_hash)]

    def heard(self, block_hash: Hash32 | None, latest: Header, answers: Sequence[Any]) -> list[RawLog] | None:
        """Return the newest block's logs, if what was hoped for came true, and keep its receipts if they came too."""
        if not answers or latest.block.hash != block_hash:
            return None
        logs, *receipts = answers
        for told in receipts:
            if told is not None:
                self._receipts.hear(self._node, block_hash, told)
        newest: list[RawLog] | None = logs
        return newest

    def live(
        self,
        parent: Block | None,
        first: int,
        latest: Header,
        newest: Sequence[RawLog] | None = None,
        known: Mapping[int, Header] = _NONE_KNOWN,
    ) -> list[BlockAccepted]:
        """Return the blocks from `first` on that follow `parent`, at most `LIVE_BLOCKS`, each with its logs by hash.

        Args:
            latest: the node's newest header, which is not asked for again.
            newest: its logs as the node told them already, if it did.
            known: other headers that it told a moment ago, by number.

        Raises:
            HeadersDisagree: the first one does not follow `parent`: the chain moved since it was looked at.
        """
        told = self._headers_up_to(first, latest, known)
        if told[0] is None:
            raise NodeBehind(f"the node at {self._node.endpoint} does not have block {first} any more")
        headers = linked(parent, told)
        if not headers:
            raise HeadersDisagree(f"block {first} does not follow {parent.hash if parent else 'anything'}")
        spared = [newest] if newest is not None and headers[-1] is latest else []
        asked = headers[: len(headers) - len(spared)]
        logs = self._logs_in_blocks([header.block.hash for header in asked])
        return self._accept(headers, [*logs, *spared])

    def _logs_in_blocks(self, hashes: Sequence[Hash32]) -> list[list[RawLog]]:
        """Return the logs in each of these blocks; where it is one, its receipts are asked for in the same request."""
        hoped = self._receipts.hoped(hashes[0]) if len(hashes) == 1 else []
        if hoped:
            logs, told = self._node.batch([logs_call(self._escrow, hashes[0]), *hoped])
            if isinstance(told, list):
                self._receipts.hear(self._node, hashes[0], told)
            if isinstance(logs, list):
                return [logs]
        return self._node.logs_in_blocks(self._escrow, hashes)

    def _headers_up_to(self, first: int, latest: Header, known: Mapping[int, Header]) -> list[Header | None]:
        known = {**known, latest.block.number: latest}
        numbers = range(first, min(latest.block.number, first + LIVE_BLOCKS - 1) + 1)
        asked = [number for number in numbers if number not in known]
        told = dict(zip(asked, self._node.headers(asked), strict=True))
        return [known.get(number) or told[number] for number in numbers]

    def page(self, parent: Block | None, first: int, settled: int) -> list[BlockAccepted]:
        """Return the final blocks from `first` on that hold logs, and the last one of the page with or without.

        Asks for as many blocks as the node gives at once, at most up to `settled`, and checks every header on the way.
        Where they hold many logs it asks for the page piece by piece.
        """
        page: list[BlockAccepted] = []
        newest, logs, last = None, 0, settled
        while newest is None or (newest.block.number < last and logs + LOGS_AT_ONCE <= MAX_PAGE_LOGS):
            try:
                piece = self._piece(parent, newest.block.number + 1 if newest else first, settled)
            except EarnestError:
                self._pieces.forget()
                if newest is None:
                    raise
                break  # what is there is good; the trouble, if it lasts, meets the next page
            newest = piece[-1]
            parent = newest.block
            last = min(last, first + self._pieces.most_blocks - 1)
            page += [each for each in piece if each.logs]
            logs += sum(len(each.logs) for each in piece)
        return page if newest.logs else [*page, newest]

    def _piece(self, parent: Block | None, first: int, settled: int) -> list[BlockAccepted]:
        piece = self._pieces.next(first, settled)
        headers = check_linked(parent, piece.headers)
        return self._accept(headers, [piece.logs.get(number, ()) for number in piece.numbers])

    def _accept(self, headers: Sequence[Header], logs: Sequence[Sequence[RawLog]]) -> list[BlockAccepted]:
        """Return the blocks decoded. That each log fits its block is checked first, then that none is missing."""
        accounted = [accounted_for(raws) if raws else 0 for raws in logs]
        accepted = [
            BlockAccepted(header.block, decode_block(header, raws, self._escrow, bits))
            for header, raws, bits in zip(headers, logs, accounted, strict=True)
        ]
        for at, raws in self._doubter.kept_back(headers, logs, accounted).items():
            accepted[at] = BlockAccepted(headers[at].block, decode_block(headers[at], raws, self._escrow))
        return accepted

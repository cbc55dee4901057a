"""Final blocks come piece by piece, each as large as the node gives at once; a few are on their way while one is read.

A node far away takes longer to answer than we take to read what it told: asked for one thing after the other, one that
was 50 ms away made a backfill wait for two thirds of its time.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from earnest.chain.errors import LogsDisagree, RpcError
from earnest.chain.later import Later
from earnest.chain.node import Header, Node, RawLog
from earnest.chain.ranges import MAX_PAGE_BLOCKS, PageSize, Remedy, hinted_blocks, may_pass, remedy
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Address

MAX_PIECE_LOGS: Final = 5_000
"""A piece with more logs is cut: so many are held at once at most, and believed in one transaction."""
LOGS_AT_ONCE: Final = 1_250
"""For about so many it is asked at once: as told they take four times the memory that they take decoded."""
BLOCKS_AT_FIRST: Final = 500
"""For so many it is asked as long as it is not known how many logs they hold."""
PIECES_AHEAD: Final = 3
"""With two questions to each: no more side by side than a browser asks. What nobody has read yet waits in the system's
buffers, where it takes none of our memory."""
BLOCKS_AHEAD: Final = MAX_PAGE_BLOCKS // 2
"""With so many ahead no more are asked for: where blocks hold few logs their headers alone are several questions."""
_BLOCK_NUMBER: Final = attrgetter("block_number")


class Piece(NamedTuple):
    """Blocks as a node told them: their numbers, their headers, and of those that have some the logs."""

    numbers: range
    headers: list[Header | None]
    logs: dict[int, list[RawLog]]


class _Asked(NamedTuple):
    numbers: range
    logs: Later[list[RawLog]]
    headers: Later[list[Header | None]] | None
    """None: to be asked for once it is known that so many blocks are not too many."""

    def forget(self) -> None:
        self.logs.forget()
        if self.headers is not None:
            self.headers.forget()


class Pieces:
    """Asks one node for final blocks with the logs of one escrow."""

    def __init__(self, node: Node, escrow: Address) -> None:
        self._node, self._escrow = node, escrow
        self._size = PageSize()
        self._at_once = BLOCKS_AT_FIRST
        self._ahead: deque[_Asked] = deque()
        self._lock = threading.Lock()

    @property
    def most_blocks(self) -> int:
        """For how many blocks the node may be asked at once, however few logs they hold."""
        return self._size.blocks

    def next(self, first: int, settled: int) -> Piece:
        """Return the blocks from `first` on that were asked for at once, at most up to `settled`; at least one.

        Asks for those behind them too, most likely to be wanted next. Of too many logs only those of the first blocks
        are returned.
        """
        while True:
            asked = self._asked_ahead(first, settled) or self._ask(first, settled)
            try:
                logs = self._logs(asked)
            except EarnestError as error:
                asked.forget()
                self.forget()
                if remedy(error) is Remedy.WAIT or not self._size.shrink(len(asked.numbers), hinted_blocks(error)):
                    raise
                continue
            try:
                return self._piece(asked, logs, settled)
            except BaseException:
                asked.forget()
                self.forget()
                raise

    def forget(self) -> None:
        """Give back what was asked for ahead."""
        with self._lock:
            ahead, self._ahead = self._ahead, deque()
        for each in ahead:
            each.forget()

    def _piece(self, asked: _Asked, logs: Sequence[RawLog], settled: int) -> Piece:
        """Return a piece of which the logs have come."""
        numbers, by_number = asked.numbers, self._by_number(logs, asked.numbers)
        self._size.grow()
        self._learn(len(numbers), len(logs))
        if len(logs) > MAX_PIECE_LOGS:
            numbers = _cut(numbers, by_number)
            self.forget()  # what is on its way begins too far on
        headers = asked.headers or self._node.headers_later(numbers)
        self._ask_ahead(numbers[-1] + 1, settled)
        return Piece(numbers, headers()[: len(numbers)], by_number)

    def _ask(self, first: int, settled: int, *, ahead: bool = False) -> _Asked:
        blocks = min(self._size.blocks, self._at_once)
        numbers = range(first, min(settled, first + blocks - 1) + 1)
        logs = self._node.logs_in_range_later(self._escrow, numbers[0], numbers[-1])
        return _Asked(numbers, logs, self._node.headers_later(numbers) if ahead else None)

    def _asked_ahead(self, first: int, settled: int) -> _Asked | None:
        """Return the piece that begins with this block, if it is on its way; if not, no other one is wanted either.

        Nor is one that leads beyond what is settled: an endpoint that holds less final may have come back meanwhile.
        """
        with self._lock:
            numbers = self._ahead[0].numbers if self._ahead else range(0)
            if numbers and numbers[0] == first and numbers[-1] <= settled:
                return self._ahead.popleft()
        self.forget()
        return None

    def _ask_ahead(self, first: int, settled: int) -> None:
        with self._lock:
            for each in self._ahead:
                first = max(first, each.numbers[-1] + 1)
            blocks = sum(len(each.numbers) for each in self._ahead)
            while first <= settled and len(self._ahead) < PIECES_AHEAD and blocks < BLOCKS_AHEAD:
                asked = self._ask(first, settled, ahead=True)
                self._ahead.append(asked)
                first += len(asked.numbers)
                blocks += len(asked.numbers)

    def _learn(self, blocks: int, logs: int) -> None:
        """Note for how many blocks it may be asked at once, after an answer; a small one that was easy tells little."""
        if blocks == self._at_once or logs > LOGS_AT_ONCE:
            self._at_once = max(1, min(2 * self._at_once, blocks * LOGS_AT_ONCE // max(1, logs)))

    def _logs(self, asked: _Asked) -> list[RawLog]:
        """Return the logs of a piece; where the answer is an error that may pass it is asked once more."""
        try:
            return asked.logs()
        except RpcError as error:
            if not may_pass(error):
                raise
            return self._node.logs_in_range(self._escrow, asked.numbers[0], asked.numbers[-1])

    def _by_number(self, raws: Sequence[RawLog], numbers: range) -> dict[int, list[RawLog]]:
        by_number: dict[int, list[RawLog]] = {}
        for text, neighbours in groupby(raws, _BLOCK_NUMBER):
            by_number.setdefault(self._node.quantity(text), []).extend(neighbours)
        strange = sorted(number for number in by_number if number not in numbers)
        if strange:
            raise LogsDisagree(f"logs of blocks {strange[:3]} in an answer about {numbers[0]} to {numbers[-1]}")
        return by_number


def _cut(numbers: range, by_number: dict[int, list[RawLog]]) -> range:
    """Return the longest beginning of a piece that has no more logs than one may; at least one block."""
    logs = 0
    for number in numbers:
        logs += len(by_number.get(number, ()))
        if logs > MAX_PIECE_LOGS:
            return range(numbers[0], max(number, numbers[0] + 1))
    return numbers

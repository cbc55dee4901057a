"""Pieces of a backfill that are on their way while one is read: how many, and what becomes of those not wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.errors import LogsDisagree, NodeUnavailable, RpcError
from earnest.chain.later import Later
from earnest.chain.node import Call, Node, RawLog
from earnest.chain.pieces import (
    BLOCKS_AHEAD,
    BLOCKS_AT_FIRST,
    LOGS_AT_ONCE,
    MAX_PIECE_LOGS,
    PIECES_AHEAD,
    Piece,
    Pieces,
)
from earnest.payment.errors import EarnestError
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, delivery


class Far(Node):
    """A node to which questions travel: what was asked and not called for is on its way."""

    def __init__(self, node: FakeNode) -> None:
        self.node = node
        self.on_the_way: list[str] = []
        self.most = 0
        self.forgotten: list[str] = []
        self.ranges: list[range] = []
        self.refuses: list[EarnestError] = []
        """What the next questions for logs are answered with."""

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        return self.node.call(method, params, into)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        return self.node.batch(calls)

    def call_later(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Later[Any]:
        where = params[0]
        self.ranges.append(range(int(where["fromBlock"], 16), int(where["toBlock"], 16) + 1))

        def answer() -> Any:
            if self.refuses:
                raise self.refuses.pop(0)
            return self.call(method, params, into)

        return self._asked(f"logs from {int(where['fromBlock'], 16)}", answer)

    def batch_later(self, calls: Sequence[Call]) -> Later[list[Any]]:
        return self._asked(f"headers from {int(calls[0].params[0], 16)}", lambda: self.batch(calls))

    def _asked(self, name: str, answer: Any) -> Later[Any]:
        self.on_the_way.append(name)
        self.most = max(self.most, len(self.on_the_way))

        def come() -> Any:
            self.on_the_way.remove(name)
            return answer()

        def forget() -> None:
            if name in self.on_the_way:
                self.on_the_way.remove(name)
                self.forgotten.append(name)

        return Later(come, forget)


def far(blocks: int, logs: int = 1) -> Far:
    node = FakeNode(ESCROW)
    for number in range(blocks):
        node.mine(*(delivery(logs * number + each) for each in range(logs)))
    return Far(node)


def all_of(pieces: Pieces, settled: int, first: int = 1) -> list[Piece]:
    found: list[Piece] = []
    while first <= settled:
        found.append(pieces.next(first, settled))
        first = found[-1].numbers[-1] + 1
    return found


def logs_of(found: Sequence[Piece]) -> list[RawLog]:
    return [raw for piece in found for number in piece.numbers for raw in piece.logs.get(number, ())]


def test_while_one_piece_is_read_the_next_ones_are_on_their_way() -> None:
    node = far(60, logs=100)
    pieces = Pieces(node, ESCROW)
    first = pieces.next(1, 60)
    assert len(logs_of([first])) == LOGS_AT_ONCE * 4  # nobody knew how many there are; it was cut
    begins = first.numbers[-1] + 1
    blocks = len(node.ranges[1])
    assert blocks * 100 <= LOGS_AT_ONCE
    numbers = [begins + blocks * each for each in range(PIECES_AHEAD) if begins + blocks * each <= 60]
    assert node.on_the_way == [f"{what} from {number}" for number in numbers for what in ("logs", "headers")]


def test_no_more_is_on_its_way_than_a_node_should_have_to_bear() -> None:
    node = far(200, logs=40)
    found = all_of(Pieces(node, ESCROW), 200)
    assert len(logs_of(found)) == 200 * 40
    assert node.most == 2 * PIECES_AHEAD + 1  # and the headers of the piece that is read
    assert node.on_the_way == node.forgotten == []


def test_where_blocks_hold_few_logs_pieces_are_long_and_fewer_are_ahead() -> None:
    node = Far(FakeNode(ESCROW))
    node.node.mine_empty(12_000)
    pieces = Pieces(node, ESCROW)
    first = 1
    while first <= 9_000:
        first = pieces.next(first, 9_000).numbers[-1] + 1
        ahead = [each for each in node.ranges if f"logs from {each[0]}" in node.on_the_way]
        assert sum(map(len, ahead[:-1])) < BLOCKS_AHEAD
    assert len(node.ranges[0]) == BLOCKS_AT_FIRST
    assert max(map(len, node.ranges)) == pieces.most_blocks == 2_000


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60), st.data())
def test_however_logs_lie_and_whatever_is_refused_each_block_comes_once_and_in_order(
    counts: list[int], data: st.DataObject
) -> None:
    node = Far(FakeNode(ESCROW))
    for at, count in enumerate(counts):
        node.node.mine(*(delivery(100 * at + each) for each in range(count)))
    pieces = Pieces(node, ESCROW)
    settled, first, found = len(counts), 1, list[Piece]()
    while first <= settled:
        node.refuses = data.draw(st.lists(st.sampled_from(REFUSALS), max_size=2))
        try:
            found.append(pieces.next(first, data.draw(st.integers(first, settled))))
        except EarnestError:
            assert node.on_the_way == []
        else:
            first = found[-1].numbers[-1] + 1
    assert [number for piece in found for number in piece.numbers] == [*range(1, settled + 1)]
    assert [header and header.block.number for piece in found for header in piece.headers] == [*range(1, settled + 1)]
    assert logs_of(found) == node.logs_in_range(ESCROW, 1, settled)


REFUSALS = [
    RpcError("eth_getLogs", -32005, "query returned more than 10000 results"),
    RpcError("eth_getLogs", -32000, "something went wrong"),
    RpcError("eth_getLogs", -32000, "header not found"),
    NodeUnavailable("node", "is away"),
]


def test_where_a_range_is_refused_on_its_way_the_rest_is_forgotten_and_asked_for_anew_in_smaller_pieces() -> None:
    node = far(60, logs=100)
    pieces = Pieces(node, ESCROW)
    first = pieces.next(1, 60)
    before = len(node.ranges[1])
    node.refuses = [RpcError("eth_getLogs", -32005, "query returned more than 1000 results")]
    second = pieces.next(first.numbers[-1] + 1, 60)
    assert len(second.numbers) == before // 2
    assert "headers from 51" in node.forgotten  # those of the piece that was refused
    assert all(len(each) <= before // 2 for each in node.ranges[node.ranges.index(second.numbers) :])


def test_whoever_goes_on_elsewhere_wants_nothing_of_what_is_on_its_way() -> None:
    node = far(60, logs=100)
    pieces = Pieces(node, ESCROW)
    pieces.next(1, 60)
    on_the_way = list(node.on_the_way)
    again = pieces.next(5, 60)
    assert again.numbers[0] == 5
    assert node.forgotten == on_the_way
    pieces.forget()
    assert node.on_the_way == []


def test_logs_of_blocks_that_nobody_asked_for_leave_nothing_on_its_way() -> None:
    node = far(60, logs=100)
    pieces = Pieces(node, ESCROW)
    first = pieces.next(1, 60)
    node.node.tamper = lambda method, _params, result: (
        [{**each, "blockNumber": "0xfff"} for each in result] if method == "eth_getLogs" else result
    )
    with pytest.raises(LogsDisagree, match="blocks \\[4095\\]"):
        pieces.next(first.numbers[-1] + 1, 60)
    assert node.on_the_way == []


def test_a_piece_on_its_way_that_leads_beyond_what_is_settled_now_is_not_taken() -> None:
    node = far(60, logs=100)
    pieces = Pieces(node, ESCROW)
    begins = pieces.next(1, 60).numbers[-1] + 1
    assert begins + 1 in node.ranges[1]
    assert pieces.next(begins, begins).numbers == range(begins, begins + 1)


def test_behind_a_piece_that_is_cut_it_is_asked_from_there_on() -> None:
    node = far(1_200, logs=3)
    for number in range(600):
        node.node.mine(*(delivery(10_000 + 20 * number + each) for each in range(20)))
    pieces = Pieces(node, ESCROW)
    first, cut = 1, 0
    while first <= 1_800:
        piece = pieces.next(first, 1_800)
        first = piece.numbers[-1] + 1
        if len(logs_of([piece])) == MAX_PIECE_LOGS:
            assert node.on_the_way[0] == f"logs from {first}"
            cut += 1
    assert cut

"""Given a reorg, when it is seen, then it is told whole within a handful of requests, however deep it is."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import pytest

from earnest.chain.backoff import FIRST_SECONDS, MOVES_FORGIVEN, moved_seconds
from earnest.chain.errors import ChainMismatch, GenesisChanged, HeadersDisagree, ReorgPastFinality
from earnest.chain.node import Call
from earnest.chain.updates import BlocksOrphaned
from earnest.payment.errors import EarnestError
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, delivery
from tests.unit.chain.test_follower import believed, catch_up, follower


class Counting(FakeNode):
    """A node that counts requests, each batch as one, and remembers how many questions each had."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.requests: list[int] = []
        self._inside = False

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        if not self._inside:
            self.requests.append(1)
        return super().call(method, params, into)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        self.requests.append(len(calls))
        self._inside = True
        try:
            return super().batch(calls)
        finally:
            self._inside = False


@pytest.fixture
def node() -> Counting:
    return Counting(ESCROW, finality_depth=128)


def branch(length: int) -> list[list[Any]]:
    return [[delivery(10_000 + number)] for number in range(length)]


@pytest.mark.parametrize(
    ("depth", "length", "requests"),
    [(1, 1, 3), (1, 2, 3), (3, 3, 3), (3, 5, 5), (15, 16, 3), (30, 31, 4), (100, 101, 4), (100, 60, 4), (120, 121, 4)],
)
def test_a_reorg_is_told_in_one_step_of_few_requests(node: Counting, depth: int, length: int, requests: int) -> None:
    mirror = FakeMirror()
    one = follower(node, mirror)
    for number in range(140):
        node.mine(delivery(number))
    catch_up(one)
    node.reorg(depth, branch(length))
    node.requests.clear()
    updates = one.step()
    assert isinstance(updates[0], BlocksOrphaned)
    assert len(updates[0].blocks) == depth
    assert len(node.requests) <= requests, node.requests
    assert mirror.blocks[-1] == node.head
    assert believed(mirror) == node.chain_events()


def test_to_go_on_by_some_blocks_costs_one_header_more_and_no_look_back(node: Counting) -> None:
    one = follower(node, FakeMirror())
    node.mine_empty(30)
    catch_up(one)
    node.mine_empty(5)
    node.requests.clear()
    one.step()
    assert node.requests == [2, 1, 4, 5]  # the head and what is final, our head, the headers between, the logs


def test_a_node_that_is_behind_orphans_nothing(node: Counting) -> None:
    one = follower(node, FakeMirror())
    node.mine_empty(30)
    catch_up(one)
    node.go_back(3)
    assert one.step() == []


@pytest.mark.parametrize(
    ("method", "told", "error"),
    [("eth_chainId", "0x1", ChainMismatch), ("eth_getBlockByNumber", None, GenesisChanged)],
)
def test_another_chain_is_no_reorg(node: Counting, method: str, told: str | None, error: type[EarnestError]) -> None:
    one = follower(node, FakeMirror())
    node.mine_empty(30)
    catch_up(one)
    if told is None:
        node.wipe()
        node.mine_empty(30)
    else:
        node.reorg(2, branch(3))
        node.tamper = lambda asked, _params, result: told if asked == method else result
    with pytest.raises(error):
        one.step()


def test_past_finality_nothing_is_told_and_both_blocks_are_named() -> None:
    node, mirror = Counting(ESCROW, finality_depth=4), FakeMirror()
    one = follower(node, mirror)
    node.mine_empty(20)
    catch_up(one)
    final, before = node.blocks[16].block, list(mirror.blocks)
    node.reorg(8, branch(9))
    with pytest.raises(ReorgPastFinality) as raised:
        one.step()
    assert (raised.value.number, raised.value.expected) == (final.number, final.hash)
    assert raised.value.actual == node.blocks[16].block.hash
    assert list(mirror.blocks) == before


class Waits(threading.Event):
    """Notes how long it was waited, waits for nothing, and is set at the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout)
        if len(self.waited) == 2:
            self.set()
        return self.is_set()


def test_a_chain_that_moves_while_it_is_asked_is_asked_again_at_once(node: Counting) -> None:
    """The reorg comes between the head and the headers: the first step fails, and no backoff follows."""
    mirror = FakeMirror()
    one = follower(node, mirror)
    node.mine_empty(10)
    catch_up(one)
    for number in range(3):
        node.mine(delivery(number))
    moves = iter([True])

    def moves_once(method: str, params: Sequence[Any]) -> None:
        if method == "eth_getBlockByNumber" and params[0] == hex(11) and next(moves, False):
            node.reorg(4, branch(5))

    node.faults = moves_once
    stop = Waits()
    one.run(stop)
    assert next(moves, None) is None
    assert stop.waited[0] == moved_seconds(1)
    assert mirror.blocks[-1] == node.head
    assert one.status().failures == 0


def test_who_contradicts_himself_again_and_again_is_waited_for() -> None:
    waits = [moved_seconds(failures) for failures in range(1, 30)]
    assert max(waits[:MOVES_FORGIVEN]) < FIRST_SECONDS / 2
    assert waits[MOVES_FORGIVEN] >= FIRST_SECONDS / 2
    assert waits[-1] > 5
    assert HeadersDisagree.retryable

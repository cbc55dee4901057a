"""Receipts asked for along with a block, since those of the blocks before it were wanted: one request a block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from earnest.chain.errors import NodeTimeout, RpcError
from earnest.chain.follower import Follower
from earnest.chain.heads import Heads, Polling
from earnest.chain.node import Call
from earnest.chain.receipts import WANTED_IN_A_ROW
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Hash32
from earnest.settings import FinalityRule
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, delivery, refund
from tests.unit.chain.test_follower import believed


class CountingNode(FakeNode):
    """Counts requests, of which one may hold many questions."""

    requests: int = 0

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        self.requests += 1
        return super().call(method, params, into)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        before = self.requests
        results = super().batch(calls)
        self.requests = before + 1
        return results


class TellingHeads(Polling):
    """Tells the node's head at once, as a good subscription does."""

    def __init__(self, node: FakeNode) -> None:
        super().__init__()
        self._node = node

    def hint(self) -> Hash32 | None:
        return self._node.head.hash


@pytest.fixture
def node() -> CountingNode:
    return CountingNode(ESCROW)


@pytest.fixture
def mirror() -> FakeMirror:
    return FakeMirror()


@pytest.fixture
def follower(node: CountingNode, mirror: FakeMirror) -> Follower:
    return following(node, mirror, TellingHeads(node))


def following(node: CountingNode, mirror: FakeMirror, heads: Heads) -> Follower:
    finality = FinalityRule(depth_blocks=20)
    one = Follower(node, mirror, chain_id=node.id, escrow=ESCROW, deployed_at_block=0, finality=finality, heads=heads)
    one.step()
    return one


def busy(node: CountingNode, seq: int) -> None:
    """Mine a block in which a second refund could hide."""
    node.mine(refund(1, 2 * seq + 2), refund(1, 2 * seq + 3))


def asked_for(node: CountingNode, follower: Follower) -> tuple[int, int]:
    """Return in how many requests the newest block came, and how many times receipts were asked for."""
    requests, receipts = node.requests, node.asked.count("eth_getBlockReceipts")
    assert follower.step()
    return node.requests - requests, node.asked.count("eth_getBlockReceipts") - receipts


def test_one_busy_block_after_the_other_takes_one_request_each(
    node: CountingNode, mirror: FakeMirror, follower: Follower
) -> None:
    found = []
    for seq in range(WANTED_IN_A_ROW + 3):
        busy(node, seq)
        found.append(asked_for(node, follower))
    assert found == [(2, 1)] * WANTED_IN_A_ROW + [(1, 1)] * 3
    assert believed(mirror) == node.chain_events()


def test_where_nobody_tells_of_blocks_they_come_along_with_the_logs(node: CountingNode, mirror: FakeMirror) -> None:
    polling, found = following(node, mirror, Polling()), []
    for seq in range(WANTED_IN_A_ROW + 3):
        busy(node, seq)
        found.append(asked_for(node, polling))
    assert found == [(3, 1)] * WANTED_IN_A_ROW + [(2, 1)] * 3
    assert believed(mirror) == node.chain_events()


@pytest.mark.parametrize("refused", ["eth_getLogs", "eth_getBlockReceipts"])
def test_what_fails_of_those_two_is_asked_for_again(node: CountingNode, mirror: FakeMirror, refused: str) -> None:
    polling = following(node, mirror, Polling())
    for seq in range(WANTED_IN_A_ROW):
        busy(node, seq)
        polling.step()
    told = 0

    def refuses_once(method: str, _params: Sequence[Any]) -> EarnestError | None:
        nonlocal told
        told += method == refused
        return RpcError(method, -32000, "not now") if method == refused and told == 1 else None

    node.faults = refuses_once
    busy(node, WANTED_IN_A_ROW)
    polling.step()
    assert told == 2
    assert believed(mirror) == node.chain_events()


def test_when_they_are_no_longer_wanted_they_are_asked_for_once_in_vain(
    node: CountingNode, mirror: FakeMirror, follower: Follower
) -> None:
    for seq in range(WANTED_IN_A_ROW):
        busy(node, seq)
        follower.step()
    found = []
    for number in (7, 8, 9):
        node.mine(delivery(number))
        found.append(asked_for(node, follower))
    assert found == [(1, 1), (1, 0), (1, 0)]
    busy(node, 10)
    assert asked_for(node, follower) == (2, 1)
    assert believed(mirror) == node.chain_events()


def test_receipts_told_ahead_are_proven_like_any_others(
    node: CountingNode, mirror: FakeMirror, follower: Follower
) -> None:
    for seq in range(WANTED_IN_A_ROW):
        busy(node, seq)
        follower.step()
    told = 0

    def leaves_one_out(method: str, _params: Sequence[Any], result: Any) -> Any:
        nonlocal told
        told += method == "eth_getBlockReceipts"
        if method == "eth_getBlockReceipts" and told == 1:
            return [*result[:-1], {**result[-1], "logs": []}]
        return result[:-1] if method == "eth_getLogs" else result

    node.tamper = leaves_one_out
    busy(node, WANTED_IN_A_ROW)
    assert asked_for(node, follower)[1] == 2, "the first ones were wrong"
    assert believed(mirror) == node.chain_events()


def test_a_node_that_hangs_over_receipts_is_not_asked_for_them_ahead_again(
    node: CountingNode, mirror: FakeMirror, follower: Follower
) -> None:
    for seq in range(WANTED_IN_A_ROW):
        busy(node, seq)
        follower.step()

    def hangs(method: str, _params: Sequence[Any]) -> EarnestError | None:
        return NodeTimeout("fake", "did not answer") if method == "eth_getBlockReceipts" else None

    node.faults = hangs
    node.mine(delivery(7))
    with pytest.raises(NodeTimeout):
        follower.step()
    assert follower.step(), "this block needs none"
    assert believed(mirror) == node.chain_events()

"""Pieces of one page doubted side by side: what one of them meets says nothing of the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from earnest.chain import fetch, pieces
from earnest.chain.background import at_once, in_a_thread
from earnest.chain.errors import NodeTimeout, NodeUnavailable, RpcError
from earnest.chain.node import Call, Header, Node
from earnest.chain.receipts import REFUSALS_BORNE, Receipts
from earnest.payment.errors import EarnestError
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, refund
from tests.unit.chain.test_backfill import with_ahead
from tests.unit.chain.test_follower import believed


@pytest.fixture
def mirror() -> FakeMirror:
    return FakeMirror()


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "LOGS_AT_ONCE", 2)
    monkeypatch.setattr(fetch, "LOGS_AT_ONCE", 2)
    monkeypatch.setattr(pieces, "BLOCKS_AT_FIRST", 2)


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("ahead", [at_once, in_a_thread])
@pytest.mark.parametrize("error", [NodeTimeout("fake", "slow"), RpcError("eth_getBlockReceipts", -32000, "no")])
def test_a_node_that_refuses_one_blocks_receipts_does_not_hold_up_a_page_of_many_pieces(
    mirror: FakeMirror, ahead: Callable[[Callable[[], None]], object], error: EarnestError
) -> None:
    """What it tells of the pieces that are doubted meanwhile says nothing of the one that it refuses."""
    node = FakeNode(ESCROW)
    odd = node.mine(refund(0))
    for number in range(1, 20):
        node.mine(refund(number))
    node.mine_empty(6)
    node.faults = lambda method, params: error if (method, *params) == ("eth_getBlockReceipts", odd.hash) else None
    one = with_ahead(node, mirror, ahead)
    refused = 0
    while not mirror.takes or believed(mirror) != node.chain_events():
        try:
            one.step()
        except (RpcError, NodeTimeout):
            refused += 1
        assert refused < REFUSALS_BORNE


class Refusing(Node):
    """Refuses receipts, once so many were asked for at the same time."""

    def __init__(self, together: int, error: EarnestError) -> None:
        self._together, self._error = threading.Barrier(together), error
        self._asked = threading.local()

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        raise AssertionError("only batches are asked for here")

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        if not hasattr(self._asked, "once"):
            self._asked.once = True
            self._together.wait(10)
        raise self._error


@pytest.mark.parametrize("error", [NodeTimeout("fake", "slow"), NodeUnavailable("fake", "away")])
def test_pieces_that_are_refused_at_the_same_time_are_one_refusal(error: NodeUnavailable) -> None:
    chain = FakeNode(ESCROW)
    chain.recomputes = True
    asked = [header for header in chain.headers([chain.mine(refund(each)).number for each in range(5)]) if header]
    node, receipts = Refusing(len(asked), error), Receipts()
    refused: list[EarnestError] = []

    def doubt(header: Header) -> None:
        try:
            receipts.logs(node, [header])
        except EarnestError as refusal:
            refused.append(refusal)

    doubts = [threading.Thread(target=doubt, args=(header,)) for header in asked]
    for each in doubts:
        each.start()
    for each in doubts:
        each.join()
    assert refused == [error] * len(asked)  # not once is it lived with: it may pass

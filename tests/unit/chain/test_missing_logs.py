"""A node that keeps logs back, as those behind a load balancer do: no event may be missed for good."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest

from earnest.chain.bloom import accounted_for, bloom_of, may_hold_events
from earnest.chain.completeness import SAYS_NOTHING, WHOLE_BLOCKS
from earnest.chain.errors import LogsDisagree, RpcError
from earnest.chain.health import EndpointState
from earnest.chain.node import RawLog
from earnest.payment.errors import EarnestError
from earnest.payment.events import SIDE_SIGNATURES, SIGNATURES
from earnest.payment.primitives import hash32, keccak
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, OTHER, delivery
from tests.unit.chain.several import Gate, Several
from tests.unit.chain.test_follower import believed, catch_up, follower

TOPICS = [hash32(keccak(b"%d" % number)) for number in range(2_000)]
"""So many topics that their bloom says maybe to whatever it is asked."""


@pytest.fixture
def node() -> FakeNode:
    """Return a node without receipts: with them each of these is settled at once."""
    return FakeNode(ESCROW, offers_receipts=False)


@pytest.fixture
def mirror() -> FakeMirror:
    return FakeMirror()


@pytest.mark.parametrize("blocks_on_top", [1, 9], ids=["near the head", "below finality"])
def test_a_block_whose_logs_are_kept_back_is_not_believed_until_they_are_told(
    node: FakeNode, mirror: FakeMirror, blocks_on_top: int
) -> None:
    one = follower(node, mirror)
    node.mine_empty(6)
    catch_up(one)
    node.mine(delivery(1))
    node.mine_empty(blocks_on_top)
    node.tamper = lambda method, _params, result: [] if method == "eth_getLogs" else result
    for _ in range(5):
        with pytest.raises(LogsDisagree):
            one.step()
    assert mirror.blocks[-1].number == 6
    node.tamper = None
    catch_up(one)
    assert believed(mirror) == node.chain_events()


def test_logs_that_are_only_told_without_a_filter_are_found(node: FakeNode, mirror: FakeMirror) -> None:
    def empty(method: str, params: Sequence[Any], result: Any) -> Any:
        return [] if method == "eth_getLogs" and "address" in params[0] else result

    node.tamper = empty
    node.mine_empty(6)
    node.mine(delivery(1), delivery(2))
    catch_up(follower(node, mirror))
    assert believed(mirror) == node.chain_events()


@pytest.mark.parametrize(
    ("address", "topics"),
    [
        (ESCROW[:4] + " " + ESCROW[4:], TOPICS[:2]),
        (OTHER, [ESCROW, *TOPICS[:2]]),
        (OTHER, [TOPICS[0][:4] + " " + TOPICS[0][4:]]),
        (OTHER, [TOPICS[0][:4] + "  " + TOPICS[0][6:]]),
        (OTHER, ["1" + TOPICS[0][1:]]),
        (TOPICS[0], []),
    ],
    ids=[
        *("a blank in the address", "an address as a topic", "a blank in a topic", "blanks for digits of a topic"),
        *("a topic without 0x", "a topic as the address"),
    ],
)
def test_what_is_no_address_or_no_topic_accounts_for_nothing(address: str, topics: list[str]) -> None:
    right = bloom_of([OTHER] if address == OTHER else []) | bloom_of(each for each in TOPICS[:2] if each in topics)
    assert accounted_for([RawLog(address, topics, "0x", "0x1", TOPICS[0], TOPICS[0], "0x0")]) == right


@pytest.mark.parametrize("place", ["address", "topic"])
def test_of_what_is_no_address_or_no_topic_nothing_is_remembered_however_much_is_told(place: str) -> None:
    def tell(number: int) -> None:
        absurd = f"0x{number}" + "f" * 1_000_000
        address, topic = (absurd, TOPICS[0]) if place == "address" else (OTHER, absurd)
        accounted_for([RawLog(address, [topic], "0x", "0x1", TOPICS[0], TOPICS[0], "0x0")])

    tell(0)
    tracemalloc.start()
    try:
        for number in range(1, 20):
            tell(number)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


@pytest.mark.parametrize("signature", [*SIGNATURES.values(), *SIDE_SIGNATURES])
def test_a_bloom_with_any_event_of_the_escrow_is_doubted_when_no_log_comes(signature: str) -> None:
    topic = hash32(keccak(signature.encode()))
    assert may_hold_events(bloom_of([ESCROW, topic]), ESCROW)
    assert not may_hold_events(bloom_of([ESCROW]), ESCROW)
    assert not may_hold_events(bloom_of([OTHER, topic]), ESCROW)


def test_a_bloom_that_others_logs_account_for_is_believed(node: FakeNode, mirror: FakeMirror) -> None:
    bloom = bloom_of([OTHER, *TOPICS])
    assert may_hold_events(bloom, ESCROW)
    log = {"address": OTHER, "topics": TOPICS, "data": "0x", "blockNumber": "0x1", "blockHash": TOPICS[0]}
    others = [{**log, "transactionHash": TOPICS[0], "logIndex": "0x0"}]

    def busy(method: str, params: Sequence[Any], result: Any) -> Any:
        if method == "eth_getBlockByNumber" and result:
            return {**result, "logsBloom": f"0x{bloom:0512x}"}
        return others if method == "eth_getLogs" and "address" not in params[0] else result

    node.tamper = busy
    node.mine_empty(10)
    catch_up(follower(node, mirror))
    assert mirror.blocks[-1] == node.head
    assert believed(mirror) == []


def test_a_node_that_wants_an_address_in_each_question_is_believed_in_the_end(
    node: FakeNode, mirror: FakeMirror
) -> None:
    def wants_address(method: str, params: Sequence[Any]) -> EarnestError | None:
        odd = method == "eth_getLogs" and "address" not in params[0]
        return RpcError(method, -32602, "give an address") if odd else None

    node.faults = wants_address
    node.tamper = lambda method, _params, result: [] if method == "eth_getLogs" else result
    node.mine(delivery(1))
    node.mine_empty(1)
    catch_up(follower(node, mirror))
    assert mirror.blocks[-1] == node.head


def full_bloom(method: str, params: Sequence[Any], result: Any) -> Any:
    """Tell headers as a chain does that keeps no blooms, and one log less than there are wherever logs are filtered."""
    if method == "eth_getBlockByNumber" and result:
        return {**result, "logsBloom": f"0x{SAYS_NOTHING:0512x}"}
    return result[:-1] if method == "eth_getLogs" and "address" in params[0] else result


@pytest.mark.parametrize("blocks_on_top", [0, 9], ids=["at the head", "below finality"])
def test_where_blooms_say_nothing_a_block_with_one_told_log_is_asked_for_whole(
    mirror: FakeMirror, blocks_on_top: int
) -> None:
    node = FakeNode(ESCROW, seals=False, offers_receipts=False)
    node.mine(delivery(1), delivery(2))
    node.mine_empty(blocks_on_top)
    node.tamper = full_bloom
    catch_up(follower(node, mirror))
    assert believed(mirror) == node.chain_events()


def test_where_blooms_say_nothing_a_long_page_is_not_asked_for_block_by_block(mirror: FakeMirror) -> None:
    node = FakeNode(ESCROW, seals=False, offers_receipts=False)
    node.mine_empty(300)
    node.tamper = full_bloom
    catch_up(follower(node, mirror))
    assert mirror.blocks[-1] == node.head
    assert node.asked.count("eth_getLogs") < 100


@pytest.mark.parametrize("blocks", [1, WHOLE_BLOCKS + 6], ids=["a few blocks", "many blocks"])
@pytest.mark.parametrize("blocks_on_top", [0, 9], ids=["at the head", "below finality"])
def test_where_headers_are_taken_a_block_told_as_empty_bloom_and_all_is_found_by_another_endpoint(
    blocks: int, blocks_on_top: int
) -> None:
    node = FakeNode(ESCROW, seals=False)
    bad, good = Gate(node, "bad"), Gate(node, "good")
    several = Several(bad, good)
    several.catch_up()

    def empties(method: str, _params: Sequence[Any], result: Any) -> Any:
        if method.startswith("eth_getBlockBy") and result:
            return {**result, "logsBloom": "0x" + "0" * 512}
        return [] if method == "eth_getLogs" else result

    bad.tamper = empties
    for number in range(blocks):
        node.mine(delivery(number))
    node.mine_empty(blocks_on_top)
    several.catch_up()
    assert several.believed() == node.chain_events()
    assert ("bad", EndpointState.LIES) in several.seen

"""Backfill: pages that grow and shrink, the next one fetched while the present one is taken, and nothing left out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from earnest.chain import fetch, pieces
from earnest.chain.ahead import Ahead
from earnest.chain.background import at_once, in_a_thread
from earnest.chain.bloom import bloom_of
from earnest.chain.errors import LogsDisagree, NodeUnavailable, RpcError
from earnest.chain.follower import Follower
from earnest.chain.updates import BlocksOrphaned
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import hash32, keccak
from earnest.settings import FinalityRule
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import CHAIN_ID, ESCROW, OTHER, delivery, refund
from tests.unit.chain.several import Gate, Several
from tests.unit.chain.test_follower import believed, catch_up, follower


@pytest.fixture
def mirror() -> FakeMirror:
    return FakeMirror()


def busy_chain(blocks: int) -> FakeNode:
    """Every block holds two events, and a log of another contract between them."""
    node = FakeNode(ESCROW, seals=False)  # its blooms are altered on the way
    for number in range(blocks):
        node.mine(delivery(2 * number), delivery(2 * number + 1))
    node.mine_empty(6)
    node.tamper = others_between
    return node


def others_between(method: str, params: Sequence[Any], result: Any) -> Any:
    """Tell of a log of another contract in each block with events: index 1, with the topics that its bloom shows."""
    topic = hash32(keccak(b"another event"))
    if method == "eth_getBlockByNumber" and result and result["logsBloom"].strip("0x"):
        bloom = int(result["logsBloom"], 16) | bloom_of([OTHER, topic])
        return {**result, "logsBloom": f"0x{bloom:0512x}"}
    if method != "eth_getLogs":
        return result
    moved = [{**log, "logIndex": "0x2"} if log["logIndex"] == "0x1" else log for log in result]
    if "address" in params[0] or not moved:
        return moved
    return [moved[0], {**moved[0], "address": OTHER.lower(), "topics": [topic], "logIndex": "0x1"}, *moved[1:]]


def told(mirror: FakeMirror) -> list[Any]:
    return [event for _, _, event in believed(mirror)]


def in_chain(node: FakeNode) -> list[Any]:
    return [event for _, _, event in node.chain_events()]


def with_ahead(node: FakeNode, mirror: FakeMirror, ahead: Callable[[Callable[[], None]], object]) -> Follower:
    return Follower(
        node,
        mirror,
        chain_id=CHAIN_ID,
        escrow=ESCROW,
        deployed_at_block=1,
        finality=FinalityRule(tag="finalized"),
        ahead=ahead,
    )


@pytest.mark.parametrize("left_out", [0, 1])
@pytest.mark.parametrize("blocks", [20, 100], ids=["few blocks", "more blocks than are proven one by one"])
def test_a_log_left_out_of_a_block_that_has_others_is_found(mirror: FakeMirror, blocks: int, left_out: int) -> None:
    """The page lacks one log of a block whose other log is there; asked for again, the answer is whole."""
    node = busy_chain(blocks)
    lacking = iter([True])

    def leaves_out(method: str, params: Sequence[Any], result: Any) -> Any:
        result = others_between(method, params, result)
        if method == "eth_getLogs" and "toBlock" in params[0] and result and next(lacking, False):
            at = 10 + left_out
            return [*result[:at], *result[at + 1 :]]
        return result

    node.tamper = leaves_out
    catch_up(follower(node, mirror))
    assert told(mirror) == in_chain(node)


def test_logs_are_counted_by_block_however_their_hashes_are_written() -> None:
    node = busy_chain(3)
    blocks = [each.block.hash for each in node.blocks[1:4]]
    assert node.log_counts(ESCROW, 0, 9) == dict.fromkeys(blocks, 2)

    def shouts(method: str, params: Sequence[Any], result: Any) -> Any:
        result = others_between(method, params, result)
        if method != "eth_getLogs":
            return result
        return [{**log, "blockHash": "0x" + log["blockHash"][2:].upper()} for log in result[:3]] + result[3:]

    node.tamper = shouts
    assert node.log_counts(ESCROW, 0, 9) == dict.fromkeys(blocks, 2)


def test_a_log_of_which_every_topic_stands_in_another_is_missed_by_the_bloom_and_found(mirror: FakeMirror) -> None:
    node = FakeNode(ESCROW, offers_receipts=False)
    node.mine(delivery(1), refund(1), refund(1))
    node.mine_empty(6)
    node.tamper = lambda method, params, result: (
        result[:2] if method == "eth_getLogs" and "toBlock" in params[0] else result
    )
    catch_up(follower(node, mirror))
    assert told(mirror) == in_chain(node)


def test_a_whole_block_with_a_gap_in_its_numbers_is_not_believed(mirror: FakeMirror) -> None:
    node = FakeNode(ESCROW, offers_receipts=False)
    node.mine(delivery(1), delivery(1), delivery(2))
    node.mine_empty(6)
    node.tamper = lambda method, _params, result: result[1:] if method == "eth_getLogs" else result
    with pytest.raises(LogsDisagree):
        follower(node, mirror).step()
    assert mirror.takes == []


def test_an_empty_answer_where_the_chain_keeps_no_bloom_is_doubted_by_asking_another_endpoint() -> None:
    chain = FakeNode(ESCROW)
    for number in range(10):
        chain.mine(delivery(number))
    chain.mine_empty(5)

    def no_bloom(method: str, _params: Sequence[Any], result: Any) -> Any:
        return {**result, "logsBloom": "0x" + "f" * 512} if method == "eth_getBlockByNumber" and result else result

    silent, honest = Gate(chain, "silent"), Gate(chain, "honest")
    silent.tamper = lambda method, params, result: [] if method == "eth_getLogs" else no_bloom(method, params, result)
    honest.tamper = no_bloom
    several = Several(silent, honest)
    several.catch_up()
    assert several.believed() == chain.chain_events()
    assert several.report("silent").alarms == {"lies": 1}
    assert "honest tells 1" in str(several.report("silent").reason)


def test_a_page_with_too_many_logs_is_cut_and_nothing_is_fetched_twice(mirror: FakeMirror) -> None:
    node = FakeNode(ESCROW)
    for number in range(34):
        node.mine(*(delivery(350 * number + each) for each in range(350)))
    one = follower(node, mirror)
    one.step()
    assert fetch.MAX_PAGE_LOGS - 350 < len(mirror.logs) <= fetch.MAX_PAGE_LOGS
    in_page = sum(1 for each in node.asked if each == "eth_getLogs")
    assert in_page == 1  # what happens to a payment only once leaves no room for more
    catch_up(one)
    assert believed(mirror) == node.chain_events()


def test_a_page_with_many_logs_is_asked_for_in_pieces_so_that_never_more_than_so_many_are_in_memory_as_told(
    mirror: FakeMirror,
) -> None:
    node = FakeNode(ESCROW)
    for number in range(60):
        node.mine(*(delivery(200 * number + each) for each in range(200)))
    node.mine_empty(10)
    told: list[int] = []

    def count(method: str, params: Sequence[Any], result: Any) -> Any:
        if method == "eth_getLogs" and "toBlock" in params[0]:
            told.append(len(result))
        return result

    node.tamper = count
    one = follower(node, mirror)
    one.step()  # nobody knows yet how many there are
    told.clear()
    one.step()
    assert 3 <= len(told) <= 5  # one page
    assert max(told) <= pieces.LOGS_AT_ONCE * 1.1
    catch_up(one)
    assert believed(mirror) == node.chain_events()


def test_trouble_in_the_middle_of_a_page_loses_nothing_of_what_came_before(mirror: FakeMirror) -> None:
    node = FakeNode(ESCROW)
    node.mine(delivery(1))
    node.mine_empty(600)
    node.mine(delivery(2))
    node.mine_empty(6)
    first, second = (NodeUnavailable("node", "is away") for _ in range(2))
    down = iter([None, first, second])

    def asked(method: str, _params: Sequence[Any]) -> EarnestError | None:
        return next(down, None) if method == "eth_getLogs" and not mirror.logs else None

    node.faults = asked
    one = follower(node, mirror)
    one.step()
    assert len(mirror.logs) == 1
    catch_up(one)
    assert believed(mirror) == node.chain_events()


@pytest.mark.parametrize("ahead", [at_once, in_a_thread])
@pytest.mark.parametrize("limit", [1, 7, 64])
def test_pages_fetched_ahead_tell_the_same(
    mirror: FakeMirror, ahead: Callable[[Callable[[], None]], object], limit: int
) -> None:
    node = FakeNode(ESCROW, range_limit=limit)
    for number in range(100):
        node.mine(*(delivery(10 * number + each) for each in range(number % 3)))
    catch_up(with_ahead(node, mirror, ahead))
    assert believed(mirror) == node.chain_events()


def test_the_next_page_is_fetched_while_the_present_one_is_taken() -> None:
    """The mirror waits, inside `take`, until somebody asks for the page after it."""
    node = FakeNode(ESCROW, range_limit=10)
    for number in range(100):
        node.mine(delivery(number))
    asked_ahead = threading.Event()
    in_take = threading.Event()

    def notice(method: str, params: Sequence[Any]) -> EarnestError | None:
        if in_take.is_set() and method == "eth_getLogs":
            asked_ahead.set()
        return None

    def wait(done: bool) -> None:
        if not done and len(slow.takes) == 2:
            in_take.set()
            assert asked_ahead.wait(20), "nobody asked for the next page"

    slow = FakeMirror(wait)
    one = with_ahead(node, slow, lambda work: threading.Timer(0.2, work).start())
    node.faults = notice
    catch_up(one)
    assert asked_ahead.is_set()
    assert believed(slow) == node.chain_events()


def test_what_failed_ahead_is_done_again() -> None:
    ahead: Ahead[int] = Ahead(at_once)

    def fails() -> int:
        raise NodeUnavailable("node", "is away")

    ahead.start("key", fails)
    assert ahead.take("key", lambda: 7) == 7


def test_what_was_fetched_ahead_for_another_place_is_thrown_away() -> None:
    ahead: Ahead[int] = Ahead(at_once)
    ahead.start("here", lambda: 1)
    assert ahead.take("there", lambda: 2) == 2
    assert ahead.take("here", lambda: 3) == 3


def test_what_was_fetched_ahead_is_used_once() -> None:
    ahead: Ahead[int] = Ahead(at_once)
    ahead.start("key", lambda: 1)
    assert [ahead.take("key", lambda: 2) for _ in range(2)] == [1, 2]


def test_an_error_of_no_known_kind_that_passes_does_not_make_pages_smaller(mirror: FakeMirror) -> None:
    failing = iter([True, False, True, False, True])

    def stumbles(method: str, _params: Sequence[Any]) -> EarnestError | None:
        return RpcError(method, -32603, "oh no") if method == "eth_getLogs" and next(failing, False) else None

    node = FakeNode(ESCROW)
    node.mine_empty(5_000)
    node.faults = stumbles
    one = follower(node, mirror)
    catch_up(one)
    # Three pages, the first one in three pieces; three times asked again, and near the head.
    assert node.asked.count("eth_getLogs") <= 5 + 3 + 4


@pytest.mark.parametrize("question", [1, 2], ids=["the page itself", "how many logs it has, asked again"])
def test_a_balanced_node_that_has_not_come_so_far_this_once_costs_no_page(mirror: FakeMirror, question: int) -> None:
    """Others' logs stand in all hundred blocks: of so many the logs are counted once more, before they are believed."""
    node = busy_chain(100)
    struck = iter([each == question for each in range(1, 10)])

    def behind(method: str, params: Sequence[Any]) -> EarnestError | None:
        if method == "eth_getLogs" and "toBlock" in params[0] and next(struck, False):
            return RpcError(method, -32000, "block range extends beyond current head block")
        return None

    node.faults = behind
    follower(node, mirror).step()
    assert told(mirror) == in_chain(node)


@pytest.mark.parametrize("depth", [1, 3, 30, 100])
@pytest.mark.parametrize("longer", [0, 1, 5], ids=["of the same height", "by one block", "by five"])
def test_a_reorg_of_any_depth_above_finality_is_told_in_one_step(mirror: FakeMirror, depth: int, longer: int) -> None:
    node = FakeNode(ESCROW, finality_depth=120)
    for number in range(240):
        node.mine(delivery(number))
    one = follower(node, mirror)
    catch_up(one)
    node.reorg(depth, [[delivery(1_000 + number)] for number in range(depth + longer)])
    node.asked.clear()
    updates = one.step()
    assert isinstance(updates[0], BlocksOrphaned)
    assert len(updates[0].blocks) == depth
    assert mirror.blocks[-1] == node.head
    assert believed(mirror) == node.chain_events()

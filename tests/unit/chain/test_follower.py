"""The follower by example: backfill, head, reorg, finality, and every node that is not as it should be."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Event, Thread
from typing import Any

import pytest

from earnest.chain.errors import (
    ChainMismatch,
    GenesisChanged,
    HeadersDisagree,
    LogsDisagree,
    NodeTimeout,
    NodeUnavailable,
    ReorgPastFinality,
    RpcError,
)
from earnest.chain.follower import Follower, FollowerState
from earnest.chain.updates import BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate
from earnest.payment.errors import EarnestError, Unavailable
from earnest.payment.primitives import hash32
from earnest.settings import FinalityRule
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import CHAIN_ID, ESCROW, OTHER, delivery

TAG = FinalityRule(tag="finalized")


def follower(node: FakeNode, mirror: FakeMirror, *, deployed_at: int = 1, rule: FinalityRule = TAG) -> Follower:
    return Follower(
        node,
        mirror,
        chain_id=CHAIN_ID,
        escrow=ESCROW,
        deployed_at_block=deployed_at,
        finality=rule,
        poll_seconds=0.001,
        clock=lambda: 1_000.0,
    )


def catch_up(one: Follower) -> list[ChainUpdate]:
    told: list[ChainUpdate] = []
    while updates := one.step():
        told += updates
    return told


def believed(mirror: FakeMirror) -> list[Any]:
    return [(key[0], key[1], log.event) for key, log in mirror.logs.items()]


@pytest.fixture
def node() -> FakeNode:
    return FakeNode(ESCROW)


@pytest.fixture
def mirror() -> FakeMirror:
    return FakeMirror()


def test_backfill_tells_only_blocks_with_logs_and_the_last_of_the_page(node: FakeNode, mirror: FakeMirror) -> None:
    node.mine_empty(10)
    with_logs = node.mine(delivery(1), delivery(2))
    node.mine_empty(20)
    (first, last, final) = follower(node, mirror).step()
    assert isinstance(first, BlockAccepted)
    assert (first.block, [log.event for log in first.logs]) == (with_logs, [delivery(1), delivery(2)])
    assert last == BlockAccepted(node.blocks[node.finalized].block)
    assert final == BlockFinal(node.blocks[node.finalized].block)


def test_near_the_head_every_block_is_told(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine_empty(6)
    catch_up(one)
    node.mine(delivery(1))
    node.mine_empty(2)
    updates = one.step()
    assert [each.block.number for each in updates if isinstance(each, BlockAccepted)] == [7, 8, 9]
    assert updates[-1] == BlockFinal(node.blocks[5].block)
    assert one.step() == []


def test_one_take_for_each_step(node: FakeNode, mirror: FakeMirror) -> None:
    node.mine_empty(200)
    one = follower(node, mirror)
    updates = one.step()
    assert mirror.takes == [tuple(updates)]
    assert one.step()
    assert len(mirror.takes) == 2


def test_blocks_before_the_deployment_are_never_asked_for(node: FakeNode, mirror: FakeMirror) -> None:
    node.mine(delivery(1))
    node.mine_empty(8)
    catch_up(follower(node, mirror, deployed_at=3))
    assert believed(mirror) == []
    assert min(block.number for block in mirror.blocks) >= 3


def test_a_deployment_in_the_future_is_waited_for(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror, deployed_at=50)
    node.mine_empty(6)
    assert one.step() == []
    assert one.status().lag_blocks == 0


def test_a_provider_with_any_range_limit_is_backfilled_in_full(node: FakeNode, mirror: FakeMirror) -> None:
    node.range_limit, node.range_error = 7, "no words that anyone ever saw"
    for number in range(100):
        node.mine(delivery(number))
    catch_up(follower(node, mirror))
    assert believed(mirror) == node.chain_events()


def test_an_answer_that_is_too_slow_is_asked_for_in_halves(node: FakeNode, mirror: FakeMirror) -> None:
    def slow(method: str, params: Sequence[Any]) -> EarnestError | None:
        if method == "eth_getLogs" and "toBlock" in params[0]:
            blocks = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16)
            return None if blocks < 16 else NodeTimeout("fake", "did not answer within 10 s")
        return None

    node.faults = slow
    node.mine_empty(60)
    catch_up(follower(node, mirror))
    assert mirror.blocks[-1] == node.head


def test_a_reorg_is_told_with_what_replaces_it_in_one_take(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine_empty(6)
    kept = node.mine()
    dropped = [node.mine(delivery(1)), node.mine()]
    catch_up(one)
    node.reorg(2, [[], [delivery(2)], []])
    updates = one.step()
    assert updates[0] == BlocksOrphaned(tuple(reversed(dropped)))
    accepted = [each.block for each in updates if isinstance(each, BlockAccepted)]
    assert accepted[0].parent_hash == kept.hash
    assert believed(mirror) == node.chain_events()
    assert len(mirror.takes[-1]) == len(updates)


def test_a_reorg_to_a_shorter_chain_is_followed(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine_empty(6)
    for number in range(3):
        node.mine(delivery(number))
    catch_up(one)
    node.reorg(3, [[]])
    catch_up(one)
    assert mirror.blocks[-1] == node.head
    assert believed(mirror) == []


def test_a_reorg_of_the_same_height_is_seen(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine_empty(6)
    node.mine(delivery(1))
    catch_up(one)
    node.reorg(1, [[delivery(2)]])
    catch_up(one)
    assert believed(mirror) == node.chain_events()


def test_a_node_whose_head_goes_back_is_no_reorg_until_hashes_differ(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine_empty(8)
    node.mine(delivery(1))
    catch_up(one)
    bring_back = node.go_back(3)
    before = list(mirror.takes)
    assert one.step() == []
    assert mirror.takes == before
    bring_back()
    assert one.step() == []
    assert one.status().state is FollowerState.FOLLOWING


def test_a_node_whose_head_is_below_our_final_block_is_only_behind(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine_empty(20)
    catch_up(one)
    node.go_back(12)
    assert one.step() == []


def test_before_anything_is_final_even_the_first_block_may_be_orphaned(node: FakeNode, mirror: FakeMirror) -> None:
    node.finality_depth = 100
    one = follower(node, mirror)
    node.mine(delivery(1))
    node.mine()
    catch_up(one)
    node.reorg(2, [[delivery(2)]])
    catch_up(one)
    assert believed(mirror) == node.chain_events()


def test_a_reorg_past_finality_freezes_and_writes_nothing(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    for number in range(12):
        node.mine(delivery(number))
    catch_up(one)
    before = (list(mirror.takes), dict(mirror.logs))
    final = node.finalized
    node.reorg(8, [[] for _ in range(9)])
    with pytest.raises(ReorgPastFinality) as raised:
        one.step()
    assert raised.value.number == final
    assert one.status().state is FollowerState.FROZEN
    assert (mirror.takes, mirror.logs) == before


def test_a_frozen_follower_goes_on_when_the_node_agrees_again(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine_empty(12)
    catch_up(one)
    right = list(node.blocks)
    node.reorg(8, [[] for _ in range(9)])
    with pytest.raises(ReorgPastFinality):
        one.step()
    node.blocks = right
    node.mine(delivery(1))
    catch_up(one)
    assert believed(mirror) == node.chain_events()
    assert one.status().state is FollowerState.FOLLOWING


def test_a_node_on_another_chain_stops_it_with_both_ids(node: FakeNode, mirror: FakeMirror) -> None:
    node.id = 1
    one = follower(node, mirror)
    with pytest.raises(ChainMismatch, match=r"is on chain 1; configured is chain 31337"):
        one.run(Event())
    assert one.status().state is FollowerState.STOPPED
    assert mirror.genesis is None


def test_a_wiped_chain_stops_it_with_another_chain_same_id(node: FakeNode, mirror: FakeMirror) -> None:
    node.mine_empty(8)
    catch_up(follower(node, mirror))
    node.wipe()
    node.mine_empty(20)
    with pytest.raises(GenesisChanged, match="another chain, same id"):
        follower(node, mirror).run(Event())


@pytest.mark.parametrize("blocks", [0, 3, 8, 30])
def test_a_chain_wiped_between_two_polls_is_never_taken_for_a_reorg(
    node: FakeNode, mirror: FakeMirror, blocks: int
) -> None:
    node.finality_depth = 100
    one = follower(node, mirror)
    node.mine_empty(8)
    catch_up(one)
    node.wipe()
    node.mine_empty(blocks)
    before = list(mirror.takes)
    with pytest.raises(GenesisChanged):
        one.step()
    assert mirror.takes == before


def test_a_node_that_is_down_at_the_start_and_comes_up_later_is_waited_for(node: FakeNode, mirror: FakeMirror) -> None:
    node.mine(delivery(1))
    node.faults = lambda _method, _params: NodeUnavailable("fake", "cannot be reached")
    one = follower(node, mirror)
    stop = Event()
    thread = Thread(target=one.run, args=(stop,))
    thread.start()
    _until(lambda: one.status().state is FollowerState.WAITING)
    assert one.status().error == "the node at fake cannot be reached"
    node.faults = None
    _until(lambda: believed(mirror) == node.chain_events() and one.status().state is FollowerState.FOLLOWING)
    stop.set()
    thread.join(5)
    assert not thread.is_alive()
    assert one.status().error is None


def _until(condition: Any) -> None:
    tick = Event()
    for _ in range(2_000):
        if condition():
            return
        tick.wait(0.005)
    raise AssertionError("it never came to that")


def test_an_answer_that_is_silently_empty_is_doubted_where_the_bloom_says_maybe(
    node: FakeNode, mirror: FakeMirror
) -> None:
    asked = iter(range(10**6))

    def empty(method: str, _params: Sequence[Any], result: Any) -> Any:
        return [] if method == "eth_getLogs" and next(asked) % 2 == 0 else result

    node.tamper = empty
    for number in range(30):
        node.mine(delivery(number))
    catch_up(follower(node, mirror))
    assert believed(mirror) == node.chain_events()


def test_a_bloom_that_says_maybe_without_logs_is_believed_in_the_end(node: FakeNode, mirror: FakeMirror) -> None:
    def full_bloom(method: str, _params: Sequence[Any], result: Any) -> Any:
        return {**result, "logsBloom": "0x" + "f" * 512} if method == "eth_getBlockByNumber" and result else result

    node.tamper = full_bloom
    node.mine_empty(10)
    catch_up(follower(node, mirror))
    assert mirror.blocks[-1] == node.head


@pytest.mark.parametrize("near_head", [True, False])
@pytest.mark.parametrize(
    "change",
    [{"address": OTHER}, {"blockHash": hash32(b"\x09" * 32)}, {"removed": True}, {"blockNumber": "0x99"}],
    ids=lambda change: next(iter(change)),
)
def test_logs_that_do_not_fit_their_block_are_never_told(
    node: FakeNode, mirror: FakeMirror, change: dict[str, Any], near_head: bool
) -> None:
    def lie(method: str, _params: Sequence[Any], result: Any) -> Any:
        return [{**log, **change} for log in result] if method == "eth_getLogs" else result

    node.mine(delivery(1))
    node.mine_empty(1 if near_head else 10)
    node.tamper = lie
    one = follower(node, mirror)
    with pytest.raises(LogsDisagree):
        one.step()
    assert mirror.takes == []
    assert one.status().state is FollowerState.WAITING
    node.tamper = None
    catch_up(one)
    assert believed(mirror) == node.chain_events()


def test_logs_that_the_bloom_denies_are_never_told(node: FakeNode, mirror: FakeMirror) -> None:
    def no_bloom(method: str, _params: Sequence[Any], result: Any) -> Any:
        return {**result, "logsBloom": "0x" + "0" * 512} if method == "eth_getBlockByNumber" and result else result

    node.mine(delivery(1))
    node.tamper = no_bloom
    with pytest.raises(LogsDisagree, match="bloom"):
        follower(node, mirror).step()


def test_final_headers_of_another_branch_are_never_told(mirror: FakeMirror) -> None:
    node = FakeNode(ESCROW, seals=False)
    one = follower(node, mirror)
    node.mine_empty(8)
    catch_up(one)
    node.mine_empty(8)

    def other_branch(method: str, params: Sequence[Any], result: Any) -> Any:
        return {**result, "parentHash": hash32(b"\x09" * 32)} if params and params[0] == hex(11) else result

    node.tamper = other_branch
    with pytest.raises(HeadersDisagree):
        one.step()


def test_finality_by_depth_counts_blocks_on_top(node: FakeNode, mirror: FakeMirror) -> None:
    node.mine_empty(10)
    one = follower(node, mirror, rule=FinalityRule(depth_blocks=3))
    catch_up(one)
    assert mirror.final_number == 7
    assert one.status().final == 7


def test_a_young_chain_whose_node_has_no_finalized_block_is_followed(node: FakeNode, mirror: FakeMirror) -> None:
    def none_yet(_method: str, params: Sequence[Any]) -> EarnestError | None:
        young = bool(params) and params[0] == "finalized"
        return RpcError("eth_getBlockByNumber", -39001, "finalized block not found") if young else None

    node.faults = none_yet
    node.mine(delivery(1))
    one = follower(node, mirror)
    catch_up(one)
    assert believed(mirror) == node.chain_events()
    assert one.status().final is None


def test_what_the_mirror_refuses_is_told_again(node: FakeNode, mirror: FakeMirror) -> None:
    failing = iter([True])

    def fault(done: bool) -> None:
        if not done and next(failing, False):
            raise Unavailable("the database is restarting")

    mirror.fault = fault
    node.mine(delivery(1))
    one = follower(node, mirror)
    with pytest.raises(Unavailable):
        one.step()
    catch_up(one)
    assert believed(mirror) == node.chain_events()


def test_the_status_says_how_far_it_is(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    assert one.status().state is FollowerState.STARTING
    node.mine_empty(300)
    one.step()
    status = one.status()
    assert (status.head, status.final, status.node_head, status.lag_blocks) == (296, 296, 300, 4)
    assert status.last_update_at == 1_000.0


def test_a_follower_at_rest_asks_little(node: FakeNode, mirror: FakeMirror) -> None:
    one = follower(node, mirror)
    node.mine_empty(10)
    catch_up(one)
    node.asked.clear()
    one.step()
    assert node.asked == ["eth_getBlockByNumber"] * 2  # the newest and the final header

"""Endpoints that tell different chains: what is final is told only where all that are well agree."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from earnest.chain.agreement import Verdict, judge
from earnest.chain.errors import EndpointsDisagree, ReorgPastFinality
from earnest.chain.follower import FollowerState
from earnest.chain.health import EndpointState
from earnest.payment.primitives import Hash32, hash32
from earnest.settings import FinalityRule
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, delivery
from tests.unit.chain.several import Gate, Several

A, B, C = (hash32(bytes([each]) * 32) for each in (1, 2, 3))


@pytest.fixture
def chain() -> FakeNode:
    node = FakeNode(ESCROW, endpoint="honest")
    for number in range(12):
        node.mine(delivery(number))
    return node


def extend(node: FakeNode, blocks: int, first: int) -> None:
    for number in range(blocks):
        node.mine(delivery(first + number))


@pytest.mark.parametrize(
    ("votes", "verdict"),
    [
        ({"a": A}, Verdict()),
        ({"a": A, "b": A, "c": A}, Verdict()),
        ({"a": A, "b": B}, Verdict(disputed=True)),
        ({"a": A, "b": A, "c": B}, Verdict(frozenset("c"))),
        ({"a": B, "b": A, "c": A}, Verdict(frozenset("a"))),
        ({"a": A, "b": B, "c": C}, Verdict(disputed=True)),
        ({"a": A, "b": A, "c": B, "d": B}, Verdict(disputed=True)),
        ({"a": A, "b": A, "c": B, "d": C}, Verdict(frozenset("cd"))),
    ],
)
def test_the_larger_group_is_believed_and_of_two_equal_ones_neither(votes: dict[str, Hash32], verdict: Verdict) -> None:
    assert judge(votes) == verdict


def test_of_two_that_tell_different_final_blocks_neither_is_believed(
    chain: FakeNode, caplog: pytest.LogCaptureFixture
) -> None:
    other = chain.fork("other")
    several = Several(other, chain)
    several.catch_up()
    extend(other, 9, 100)
    extend(chain, 9, 200)
    several.clock.now += 10
    told = [number for number in range(4) if _raised(several, EndpointsDisagree)]
    assert len(told) >= 3
    status = several.follower.status()
    assert (status.state, status.code) == (FollowerState.FROZEN, "endpoints_disagree")
    assert "honest tells" in str(status.error)
    assert "other tells" in str(status.error)
    assert several.mirror.final_number == 8  # what both had in common
    assert several.endpoints.disputes >= 3
    before = list(several.mirror.takes)
    _raised(several, EndpointsDisagree)
    assert several.mirror.takes == before
    assert {each.state for each in several.endpoints.reports()} == {EndpointState.OK}


def _raised(several: Several, kind: type[Exception]) -> bool:
    several.clock.now += 1
    try:
        several.follower.step()
    except kind:
        return True
    return False


def test_they_go_on_when_the_endpoints_agree_again(chain: FakeNode) -> None:
    other = chain.fork("other")
    several = Several(other, chain)
    several.catch_up()
    extend(other, 9, 100)
    extend(chain, 9, 200)
    for _ in range(5):
        _raised(several, EndpointsDisagree)
    other.blocks, other._known, other._finalized = list(chain.blocks), dict(chain._known), chain.finalized
    several.clock.now += 10
    several.catch_up()
    assert several.believed() == chain.chain_events()
    assert several.follower.status().state is FollowerState.FOLLOWING


@pytest.mark.parametrize("place", [0, 1, 2])
def test_of_three_the_one_that_stands_alone_is_set_aside(
    chain: FakeNode, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    liar = chain.fork("liar")
    nodes = [Gate(chain, "one"), Gate(chain, "two")]
    several = Several(*nodes[:place], liar, *nodes[place:])
    several.catch_up()
    extend(liar, 9, 100)
    extend(chain, 9, 200)
    several.clock.now += 10
    several.catch_up()
    assert several.believed() == chain.chain_events()
    assert several.report("liar").state is EndpointState.LIES
    assert several.follower.status().state is FollowerState.FOLLOWING
    assert any("liar" in each.getMessage() for each in caplog.records if each.levelno == logging.ERROR)
    final = several.mirror.blocks[-5]
    assert final in {each.block for each in chain.blocks}


def test_a_fake_chain_from_the_beginning_is_found_out_in_the_backfill(chain: FakeNode) -> None:
    liar = FakeNode(ESCROW, endpoint="liar")
    liar.blocks, liar._known = list(chain.blocks[:3]), dict(chain._known)
    extend(liar, 40, 500)
    extend(chain, 30, 600)
    several = Several(liar, Gate(chain, "one"), Gate(chain, "two"))
    several.catch_up()
    assert several.believed() == chain.chain_events()
    assert several.report("liar").state is EndpointState.LIES
    assert all(each in {block.block for block in chain.blocks} for each in several.mirror.blocks), (
        "nothing of the fake chain was ever final"
    )


def test_another_first_block_is_found_out_before_anything_is_written(chain: FakeNode) -> None:
    stranger = FakeNode(ESCROW, endpoint="stranger")
    stranger._salt = iter(range(10**6, 10**7))  # type: ignore[assignment]
    stranger.wipe()
    extend(stranger, 12, 500)
    several = Several(stranger, chain)
    with pytest.raises(EndpointsDisagree):
        several.follower.step()
    assert several.mirror.genesis is None


def test_who_denies_what_was_final_here_is_set_aside_and_not_believed(chain: FakeNode) -> None:
    """With two endpoints what was final before breaks the tie."""
    other = chain.fork("other")
    several = Several(chain, other)
    several.catch_up()
    other.reorg(8, [[delivery(700 + number)] for number in range(14)])
    extend(chain, 6, 200)
    several.clock.now += 10
    several.catch_up()
    assert several.believed() == chain.chain_events()
    assert several.report("other").state is EndpointState.LIES
    assert "which is final here as" in str(several.report("other").reason)


def test_the_endpoint_that_is_followed_denies_what_was_final_and_the_next_one_does_not(chain: FakeNode) -> None:
    first = chain.fork("first")
    several = Several(first, chain)
    several.catch_up()
    first.reorg(8, [[delivery(700 + number)] for number in range(14)])
    extend(chain, 6, 200)
    several.catch_up()
    assert several.believed() == chain.chain_events()
    assert ("first", EndpointState.WENT_BACK) in several.seen or ("first", EndpointState.LIES) in several.seen


def test_a_block_that_is_final_for_nobody_any_more_freezes_the_follower(chain: FakeNode) -> None:
    several = Several(Gate(chain, "one"), Gate(chain, "two"))
    several.catch_up()
    before = list(several.mirror.takes)
    chain.reorg(8, [[delivery(700 + number)] for number in range(14)])
    assert _raised(several, ReorgPastFinality)
    assert several.follower.status().state is FollowerState.FROZEN
    assert several.mirror.takes == before


def test_a_fork_that_is_final_for_nobody_is_no_dispute(chain: FakeNode) -> None:
    other = chain.fork("other")
    several = Several(chain, other)
    several.catch_up()
    chain.mine(delivery(100))
    other.mine(delivery(200))
    several.clock.now += 10
    several.catch_up()
    assert several.believed() == chain.chain_events()
    assert several.follower.status().state is FollowerState.FOLLOWING


def test_of_two_final_tags_the_lower_one_counts_and_it_never_goes_back(chain: FakeNode) -> None:
    high, low = Gate(chain, "high"), Gate(chain, "low")
    low.tamper = lambda method, params, result: (
        chain._header(chain.blocks[chain.finalized - 2]) if params and params[0] == "finalized" else result
    )
    several = Several(high, low)
    several.catch_up()
    assert several.mirror.final_number == chain.finalized - 2
    extend(chain, 1, 300)
    several.clock.now += 10
    several.catch_up()
    assert several.mirror.final_number == chain.finalized - 2
    before = several.mirror.final_number
    low.tamper = lambda method, params, result: (
        chain._header(chain.blocks[2]) if params and params[0] == "finalized" else result
    )
    high.tamper = low.tamper
    extend(chain, 3, 400)
    several.clock.now += 10
    several.catch_up()
    assert several.mirror.final_number == before
    assert several.believed() == chain.chain_events()


def test_an_endpoint_without_the_tag_holds_nobody_back(chain: FakeNode) -> None:
    without = Gate(chain, "without")
    without.tamper = lambda method, params, result: None if params and params[0] == "finalized" else result
    several = Several(Gate(chain, "one"), without)
    several.catch_up()
    assert several.mirror.final_number == chain.finalized


def test_finality_by_depth_needs_the_others_too(chain: FakeNode) -> None:
    slow = chain.fork("slow")
    several = Several(chain, slow, rule=FinalityRule(depth_blocks=3))
    several.catch_up()
    assert several.mirror.final_number == 9
    extend(chain, 3, 300)
    several.clock.now += 10
    several.catch_up()
    assert several.mirror.final_number == 9  # the slow one is only three behind, and has not seen more
    extend(chain, 3, 400)
    several.clock.now += 10
    several.catch_up()
    assert several.report("slow").state is EndpointState.BEHIND
    assert several.mirror.final_number == 9  # who runs ahead alone may be the one who lies


def test_by_depth_a_chain_that_is_too_short_for_a_final_block_holds_a_longer_fake_one_back() -> None:
    honest = FakeNode(ESCROW, endpoint="honest")
    extend(honest, 2, 0)
    liar = honest.fork("liar")
    extend(honest, 1, 100)
    extend(liar, 9, 200)
    several = Several(honest, liar, rule=FinalityRule(depth_blocks=4))
    several.catch_up()
    assert several.report("honest").state is EndpointState.BEHIND
    assert several.mirror.final_number < 3


def test_nobody_waits_for_an_endpoint_whose_newest_block_is_old(chain: FakeNode) -> None:
    slow = chain.fork("slow")
    several = Several(chain, slow)
    several.catch_up()
    extend(chain, 6, 300)
    several.clock.now = slow.head.timestamp + 500.0
    several.catch_up()
    assert several.mirror.final_number == slow.finalized
    several.clock.now = slow.head.timestamp + 700.0
    chain.mine()
    several.catch_up()
    assert several.mirror.final_number == chain.finalized


def test_nothing_is_final_before_the_others_were_asked(chain: FakeNode) -> None:
    waiting: list[Callable[[], None]] = []
    several = Several(Gate(chain, "one"), Gate(chain, "two"))
    several.catch_up()
    several.endpoints.background = waiting.append
    extend(chain, 3, 100)
    before = several.mirror.final_number
    several.catch_up()
    assert several.mirror.blocks[-1] == chain.head
    assert several.mirror.final_number == before
    for look in waiting:
        look()
    several.catch_up()
    assert several.mirror.final_number == chain.finalized


def test_one_endpoint_alone_is_believed(chain: FakeNode) -> None:
    several = Several(chain)
    several.catch_up()
    assert several.mirror.final_number == chain.finalized
    assert chain.asked.count("eth_chainId") == 1

"""Which blocks leave room for a log that is not told: tried with every block of a small world, and every lie."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.bloom import accounted_for, bloom_of, mask
from earnest.chain.node import RawLog
from earnest.chain.room import FEW_BITS, ONCE, leaves_room
from earnest.payment.events import (
    CREDIT_WITHDRAWN_TOPIC,
    DEPOSIT_RETURNED_TOPIC,
    EVERY_TOPIC,
    ITEM_SKIPPED_TOPIC,
    TOPICS,
    EventKind,
    PaymentEvent,
)
from earnest.payment.primitives import Hash32, hash32
from earnest.payment.status import Status
from earnest.payment.transitions import TRANSITIONS
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW
from tests.unit.chain.examples import events as any_event
from tests.unit.chain.test_follower import believed, catch_up, follower

IDS = [hash32(bytes([number]) * 32) for number in (1, 2)]
TOPIC = {kind: topic for topic, kind in TOPICS.items()}
Topics = tuple[Hash32, ...]
WORLD: list[Topics] = [
    *product([TOPIC[EventKind.PAYMENT_FUNDED], TOPIC[EventKind.DELIVERY_CONFIRMED]], IDS),
    *product([TOPIC[EventKind.PAYMENT_REFUNDED], ITEM_SKIPPED_TOPIC], IDS),
    (DEPOSIT_RETURNED_TOPIC, IDS[0], IDS[1]),
    (CREDIT_WITHDRAWN_TOPIC, IDS[1], IDS[1]),
]
"""All logs that there are in a small world, by their topics."""


def raw(topics: Sequence[Hash32], index: int) -> RawLog:
    return RawLog(ESCROW.lower(), list(topics), "0x", "0x1", "0x", "0x", hex(index))


def can_be(block: Sequence[Topics]) -> bool:
    """Return whether a chain can have such a block: what happens to a payment once does not stand in it twice."""
    once = [each for each in block if TOPICS.get(each[0]) in ONCE]
    return len(once) == len(set(once))


def goes_unnoticed(block: Sequence[Topics], kept_back: set[int]) -> bool:
    """Return whether what is left accounts for all of the bloom and is numbered without a gap."""
    left = [raw(topics, at) for at, topics in enumerate(block) if at not in kept_back]
    numbered = [int(each.log_index, 16) for each in left] == list(range(len(left)))
    bloom = bloom_of([ESCROW, *(topic for topics in block for topic in topics)])
    return bool(left) and numbered and accounted_for(left) == bloom


def test_every_lie_about_every_small_block_either_shows_or_is_one_for_which_there_was_room() -> None:
    unnoticed = 0
    for size in (1, 2, 3):
        for block in product(WORLD, repeat=size):
            if not can_be(block):
                continue
            bloom = bloom_of([ESCROW, *(topic for topics in block for topic in topics)])
            for count in range(1, size):
                for kept_back in combinations(range(size), count):
                    if goes_unnoticed(block, set(kept_back)):
                        unnoticed += 1
                        told = [raw(topics, at) for at, topics in enumerate(block) if at not in kept_back]
                        assert leaves_room(bloom, told), (block, kept_back)
    assert unnoticed > 50


def test_where_there_is_said_to_be_room_some_log_of_the_small_world_fits() -> None:
    """Else it would be asked for nothing."""
    for size in (1, 2):
        for block in product(WORLD, repeat=size):
            told = [raw(topics, at) for at, topics in enumerate(block)]
            bloom = bloom_of([ESCROW, *(topic for topics in block for topic in topics)])
            fits = [
                more
                for more in [*WORLD, *product([CREDIT_WITHDRAWN_TOPIC, DEPOSIT_RETURNED_TOPIC], IDS, IDS)]
                if can_be([*block, more]) and all(bloom & mask(topic) == mask(topic) for topic in more)
            ]
            assert not can_be(block) or leaves_room(bloom, told) == bool(fits), block


@pytest.mark.parametrize("kind", EventKind)
def test_what_a_payment_can_have_once_alone_leaves_no_room_and_all_else_does(kind: EventKind) -> None:
    topics = (TOPIC[kind], IDS[0])
    assert leaves_room(bloom_of([ESCROW, *topics]), [raw(topics, 0)]) == (kind not in ONCE)


def test_what_happens_once_is_what_the_transitions_let_happen_once() -> None:
    """Walks every way through the table: a kind that is once on none of them twice."""

    def ways(status: Status, seen: tuple[EventKind, ...]) -> list[tuple[EventKind, ...]]:
        on = [
            (kind, after)
            for (before, kind), every in TRANSITIONS.items()
            for after in every
            if before is status and len(seen) < 6
        ]
        return [seen, *(way for kind, after in on for way in ways(after, (*seen, kind)))]

    every = ways(Status.CREATED, ())
    twice = {kind for way in every for kind in way if way.count(kind) > 1}
    assert {kind for kind in EventKind if kind not in twice} == ONCE


def test_a_number_that_is_missing_leaves_room() -> None:
    topics = (TOPIC[EventKind.PAYMENT_FUNDED], IDS[0])
    bloom = bloom_of([ESCROW, *topics])
    assert leaves_room(bloom, [raw(topics, 1)])
    assert leaves_room(bloom, [RawLog(ESCROW, list(topics), "0x", "0x1", "0x", "0x", "first")])


def fundings(payments: int) -> list[Topics]:
    return [(TOPIC[EventKind.PAYMENT_FUNDED], hash32(number.to_bytes(32))) for number in range(payments)]


def test_a_full_bloom_leaves_room_for_a_payment_whose_id_is_in_it_by_chance() -> None:
    told = [raw(topics, at) for at, topics in enumerate(fundings(100))]
    bloom = accounted_for(told)
    by_chance = next(each for each in fundings(100_000)[100:] if bloom & mask(each[1]) == mask(each[1]))
    assert goes_unnoticed([*fundings(100), by_chance], {100})
    assert leaves_room(bloom, told)


def test_a_block_of_twenty_fundings_leaves_no_room() -> None:
    told = [raw(topics, at) for at, topics in enumerate(fundings(20))]
    assert not leaves_room(accounted_for(told), told)
    assert accounted_for(told).bit_count() < FEW_BITS


def test_another_kind_in_the_bloom_leaves_room_for_it() -> None:
    topics = (TOPIC[EventKind.PAYMENT_FUNDED], IDS[0])
    for other in EVERY_TOPIC:
        room = leaves_room(bloom_of([ESCROW, *topics, other]), [raw(topics, 0)])
        assert room == (other != topics[0])


@given(st.data())
def test_whatever_logs_of_a_block_are_kept_back_from_every_answer_about_logs_nothing_is_missed(
    data: st.DataObject,
) -> None:
    some = data.draw(st.lists(any_event, min_size=1, max_size=3))
    block = data.draw(st.lists(st.sampled_from(some), min_size=1, max_size=6))
    kept = data.draw(st.sets(st.integers(0, len(block) - 1), min_size=1))
    pairs = [(each.kind, each.payment_id) for each in block if isinstance(each, PaymentEvent) and each.kind in ONCE]
    if len(pairs) != len(set(pairs)):
        return
    node, mirror = FakeNode(ESCROW), FakeMirror()
    one = follower(node, mirror)
    node.mine(*block)
    node.mine_empty(data.draw(st.sampled_from([0, 9])))
    node.tamper = lambda method, _params, result: (
        [log for log in result if int(log["logIndex"], 16) not in kept] if method == "eth_getLogs" else result
    )
    catch_up(one)
    assert believed(mirror) == node.chain_events()

"""How soon the node is asked again. Nothing of it may depend on a subscription telling the truth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.pace import FIRST_LOOK_SECONDS, SILENT_POLLS, SLOWER, Pace, Told
from earnest.chain.updates import Block
from earnest.payment.primitives import Hash32, hash32

POLL = 1.0


def block(number: int, fork: int = 0) -> Block:
    return Block(number, hash32(bytes([fork]) + number.to_bytes(31)), hash32(bytes(32)), number)


def told(number: int, fork: int = 0) -> Told:
    return Told(number, block(number, fork).hash)


@pytest.fixture
def pace() -> Pace:
    return Pace(0.0)


def test_before_anything_is_told_the_node_is_asked_at_the_usual_pace(pace: Pace) -> None:
    pace.show(block(5))
    assert pace.seconds(POLL, 0.1) == POLL


def test_a_node_that_tells_of_what_it_shows_is_asked_seldom(pace: Pace) -> None:
    pace.tell(told(5), 1.0)
    pace.look()
    pace.show(block(5))
    assert not pace.is_news
    assert pace.seconds(POLL, 1.5) == POLL * SLOWER


def test_a_head_that_was_not_seen_yet_is_news_until_it_was_looked_for(pace: Pace) -> None:
    pace.show(block(4))
    told_of = [pace.is_news]
    pace.tell(told(5), 1.0)
    told_of.append(pace.is_news)
    pace.look()
    told_of.append(pace.is_news)
    assert told_of == [False, True, False]


def test_a_head_that_the_node_showed_already_is_no_news(pace: Pace) -> None:
    pace.show(block(5))
    pace.tell(told(5), 1.0)
    assert not pace.is_news


def test_another_block_of_the_same_height_is_news(pace: Pace) -> None:
    pace.tell(told(5), 1.0)
    pace.look()
    pace.show(block(5))
    pace.tell(told(5, fork=1), 2.0)
    assert pace.is_news


def test_a_block_that_is_told_before_it_is_shown_is_looked_for_again_soon_and_then_less_and_less(pace: Pace) -> None:
    pace.show(block(4))
    pace.tell(told(5), 1.0)
    pace.look()
    waits = [pace.seconds(POLL, 1.0) for _ in range(12)]
    assert waits[:3] == [FIRST_LOOK_SECONDS, 2 * FIRST_LOOK_SECONDS, 4 * FIRST_LOOK_SECONDS]
    assert waits[-1] == POLL
    pace.show(block(5))
    assert pace.seconds(POLL, 1.1) == POLL * SLOWER


def test_silence_brings_the_usual_pace_back(pace: Pace) -> None:
    pace.tell(told(5), 1.0)
    pace.show(block(5))
    later = 1.0 + POLL * SILENT_POLLS
    assert pace.doubt(POLL, later) is None
    assert pace.seconds(POLL, later + 0.1) == POLL
    assert "no block" in str(pace.doubt(POLL, later + 0.1))
    pace.tell(told(6), later + 1)
    assert pace.doubt(POLL, later + 1) is None


def test_one_block_shown_before_it_is_told_is_forgiven_and_two_are_not(pace: Pace) -> None:
    pace.tell(told(5), 1.0)
    pace.show(block(6))
    assert pace.doubt(POLL, 1.1) is None
    pace.show(block(6))
    assert pace.missed == 1
    pace.show(block(7))
    assert "last 2 blocks" in str(pace.doubt(POLL, 1.2))
    assert pace.seconds(POLL, 1.2) == POLL
    pace.tell(told(7), 1.3)
    assert pace.doubt(POLL, 1.3) is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["tell", "show", "look"]), st.integers(-5, 2**70), st.integers(0, 2)), max_size=40
    ),
    st.floats(0.01, 10.0),
)
def test_whatever_is_told_the_node_is_asked_within_the_slower_pace(
    story: list[tuple[str, int, int]], usual: float
) -> None:
    pace, now = Pace(0.0), 0.0
    for act, number, fork in story:
        now += 0.1
        match act:
            case "tell":
                pace.tell(Told(number, Hash32(f"{number} {fork}")), now)
            case "show":
                pace.show(Block(number, Hash32(f"{number} {fork}"), Hash32(""), 0))
            case _:
                pace.look()
        assert 0 < pace.seconds(usual, now) <= usual * SLOWER

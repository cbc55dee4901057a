"""The retry plan, by its properties."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earnest.webhooks.retry import (
    DELAYS_SECONDS,
    JITTER,
    MAX_RETRY_AFTER_SECONDS,
    MAX_TRIES,
    Answer,
    Dead,
    Delivered,
    Gone,
    RetryAt,
    parse_retry_after,
    plan,
)

NOW = 1_800_000_000
tries = st.integers(1, MAX_TRIES + 5)
jitters = st.floats(0, 1, exclude_max=True)
failures = st.one_of(
    st.builds(Answer, status_code=st.integers(300, 599).filter(lambda code: code != 410)),
    st.builds(Answer, error=st.text(min_size=1)),
)


def test_the_plan_is_that_of_the_api_page() -> None:
    minute, hour = 60, 3_600
    assert (
        5, 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour, 14 * hour, 20 * hour, 24 * hour
    ) == DELAYS_SECONDS  # fmt: skip


@settings(deadline=None)
@given(st.integers(200, 299), tries, jitters)
def test_any_2xx_is_delivered(status: int, number: int, jitter: float) -> None:
    assert plan(number, Answer(status), NOW, jitter) == Delivered()


@settings(deadline=None)
@given(tries, jitters)
def test_410_ends_it_for_the_endpoint_at_any_try(number: int, jitter: float) -> None:
    assert plan(number, Answer(410), NOW, jitter) == Gone()


@settings(deadline=None)
@given(failures, tries, jitters)
def test_a_failure_is_tried_again_until_the_plan_is_over(answer: Answer, number: int, jitter: float) -> None:
    fate = plan(number, answer, NOW, jitter)
    if number >= MAX_TRIES:
        assert fate == Dead()
        return
    assert isinstance(fate, RetryAt)
    delay = DELAYS_SECONDS[number - 1]
    assert NOW + delay <= fate.at <= NOW + delay * (1 + JITTER)


@settings(deadline=None)
@given(st.integers(1, MAX_TRIES - 1), st.integers(0, 10**7), jitters)
def test_retry_after_puts_off_and_never_hurries(number: int, asked: int, jitter: float) -> None:
    fate = plan(number, Answer(503, retry_after_seconds=asked), NOW, jitter)
    assert isinstance(fate, RetryAt)
    wait = max(DELAYS_SECONDS[number - 1], min(asked, MAX_RETRY_AFTER_SECONDS))
    assert NOW + wait <= fate.at <= NOW + wait * (1 + JITTER)


@settings(deadline=None)
@given(st.integers(1, MAX_TRIES - 2), jitters, jitters)
def test_the_steps_only_grow(number: int, one: float, two: float) -> None:
    first = plan(number, Answer(500), NOW, one)
    second = plan(number + 1, Answer(500), NOW, two)
    assert isinstance(first, RetryAt)
    assert isinstance(second, RetryAt)
    assert second.at > first.at


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 7 ", 7),
        ("0", 0),
        ("99999999999999999999", MAX_RETRY_AFTER_SECONDS),
        ("Fri, 15 Jan 2027 08:01:40 GMT", 100),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_read_in_both_its_forms(text: str | None, seconds: int | None) -> None:
    assert parse_retry_after(text, NOW) == seconds


@settings(deadline=None)
@given(st.text())
def test_no_retry_after_is_too_strange(text: str) -> None:
    seconds = parse_retry_after(text, NOW)
    assert seconds is None or seconds >= 0

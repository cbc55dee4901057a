"""Receivers that answer so as to hurt: no answer of theirs may keep a delivery from coming to its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from earnest.payment.events import EventKind
from earnest.store.records import DeliveryState
from earnest.webhooks.retry import MAX_TRIES, Answer, parse_retry_after
from tests.unit.api.house import opened
from tests.unit.webhooks.test_deliver import Post


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    """A post office in a file."""
    with opened(tmp_path) as store:
        yield Post(store)


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 99999999999999999999 Jan 2020 00:00:00 GMT",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2020 00:00:00 +99999999999999999999",
        ",,,,",
        "",
    ],
)
def test_a_retry_after_that_is_no_time_is_as_if_it_were_missing(text: str) -> None:
    assert parse_retry_after(text, 1_000) is None


def test_a_try_that_fails_by_a_fault_of_ours_counts_and_comes_to_an_end(post: Post) -> None:
    def breaks(*_: object) -> Answer:
        raise OverflowError("whatever nobody thought of")

    endpoint, payment = post.add_endpoint(), post.add_payment()
    post.happen(payment, EventKind.PAYMENT_FUNDED)
    post.poster.behave = breaks
    for _ in range(MAX_TRIES):
        assert post.deliverer.step() == 1
        post.wait_until_due()
    assert post.deliverer.step() == 0
    assert post.states(endpoint) == [DeliveryState.DEAD]
    with post.store.read() as tx:
        (report,) = tx.outbox.deliveries(endpoint).items
    assert {each.error for each in report.attempts} == {"a fault of the sender's"}

"""A clock that was far ahead for a moment: what it wrote down must not wait for the time that it told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earnest.store import Store
from earnest.store.records import DeliveryState, Fresh, Running
from tests.integration.store.test_idempotency import begin
from tests.integration.store.test_outbox import ENDPOINT, LEASE, claimed_ids, notification, record, write
from tests.support.ledger import START

YEARS = 10 * 365 * 86_400
DAY = 86_400


def test_what_was_written_by_a_clock_ahead_is_delivered_when_the_clock_is_right(store: Store) -> None:
    write(store, replace(notification(), created_at=START + YEARS), endpoints=[ENDPOINT])
    assert claimed_ids(store) == ["msg_1_1"]


def test_what_was_claimed_or_put_off_by_a_clock_ahead_is_too(store: Store) -> None:
    write(store, notification(), notification(payment=2), endpoints=[ENDPOINT])
    assert claimed_ids(store, START + YEARS) == ["msg_1_1", "msg_2_1"]
    record(store, "msg_2_1", DeliveryState.PENDING, retry_at=START + YEARS + DAY)
    assert sorted(claimed_ids(store)) == ["msg_1_1", "msg_2_1"]
    assert claimed_ids(store, START + LEASE - 1) == []


@pytest.mark.parametrize("put_off", [1, DAY, int(1.2 * DAY)])
def test_what_a_plan_puts_off_waits_its_time(store: Store, put_off: int) -> None:
    write(store, notification(), endpoints=[ENDPOINT])
    record(store, "msg_1_1", DeliveryState.PENDING, retry_at=START + put_off)
    assert claimed_ids(store, START + put_off - 1) == []
    assert claimed_ids(store, START + put_off) == ["msg_1_1"]


def test_a_request_that_died_under_a_clock_ahead_is_taken_over(store: Store) -> None:
    assert begin(store, now=START + YEARS) == Fresh(1)
    assert begin(store) == Fresh(2)
    assert begin(store, now=START + 59) == Running()

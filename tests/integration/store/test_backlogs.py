"""What is due behind a backlog of which nobody may be given anything now: it is given at once, and in its order.

What a claim reads does not grow with such a backlog.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from sqlalchemy import Connection, text

from earnest.store import Store
from earnest.store.due import LOOKED_AT
from earnest.store.records import DeliveryState, Endpoint
from tests.integration.store.test_outbox import ENDPOINT, LEASE, OTHER, notification, record, write
from tests.support.ledger import START

STUCK: Final = replace(ENDPOINT, id="we_0", merchant_id=OTHER.id)
MANY: Final = 2 * LOOKED_AT
NOW: Final = START + 10
_READ_ON_POSTGRESQL: Final = text(
    "SELECT pg_stat_get_xact_tuples_returned('deliveries'::regclass)"
    " + (SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid)) FROM pg_index"
    " WHERE indrelid = 'deliveries'::regclass)"
)
"""Rows of the table that were read from end to end, and entries of its indexes."""
REASONS: Final = ("disabled", "enough under way to it", "enough under way of its merchant")


class Backlogs:
    """A store with an endpoint that is told nothing now, for one of the `REASONS`, and another one."""

    def __init__(self, store: Store, reason: str) -> None:
        self.store, self._reason, self._told = store, reason, 0
        self._busy: dict[str, Any] = {
            "but_to": [STUCK.id] if reason == REASONS[1] else [],
            "but_of": [OTHER.id] if reason == REASONS[2] else [],
        }
        with store.transaction() as tx:
            tx.merchants.add(OTHER)
        write(store, endpoints=[STUCK, ENDPOINT])

    def pile_up(self, count: int) -> None:
        """Let so much more be due to it, and longer than what is due to the other."""
        numbers = range(1_000 + self._told, 1_000 + self._told + count)
        write(self.store, *(notification(number, merchant_id=OTHER.id) for number in numbers))
        self._told += count

    def stop(self) -> None:
        """Let nothing more be given, and PostgreSQL know its table, as it does after a minute."""
        with self.store.transaction() as tx:
            tx.merchants.get(OTHER.id)  # so that the connection is there
            tx._connection.execute(text("ANALYZE deliveries"))
        if self._reason == "disabled":
            with self.store.transaction() as tx:
                tx.endpoints.disable(STUCK.id, START, "gone")

    def claimed(self, limit: int = 10, now: int = NOW) -> list[str]:
        with self.store.transaction() as tx:
            return [told.id for _, told, _ in tx.outbox.claim(now, limit, LEASE, **self._busy)]

    def read_by_a_claim(self) -> int:
        """Return how much a claim that finds nothing reads: steps of SQLite's machine, or PostgreSQL's rows."""
        with self.store.transaction() as tx:
            tx.merchants.get(OTHER.id)
            return _read(tx._connection, lambda: tx.outbox.claim(NOW, 10, LEASE, **self._busy))


def _read(connection: Connection, ask: Callable[[], Any]) -> int:
    driver: Any = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        # Of a small table it rightly reads all rows, which tells nothing of how it goes about a large one.
        connection.execute(text("SET LOCAL enable_seqscan = off"))
        before = connection.execute(_READ_ON_POSTGRESQL).scalar_one()
        assert list(ask()) == []
        return int(connection.execute(_READ_ON_POSTGRESQL).scalar_one() - before)
    steps: list[None] = []
    driver.set_progress_handler(lambda: steps.append(None), 10)
    try:
        assert list(ask()) == []
    finally:
        driver.set_progress_handler(None, 0)
    return 10 * len(steps)


@pytest.fixture(params=REASONS)
def backlogs(store: Store, request: pytest.FixtureRequest) -> Backlogs:
    return Backlogs(store, request.param)


def later(payment: int, version: int = 1, *, at: int = START + 1) -> Any:
    return replace(notification(payment, version), created_at=at)


@pytest.mark.parametrize("backlog", [LOOKED_AT - 1, LOOKED_AT, LOOKED_AT + 1, MANY])
def test_what_is_due_behind_a_backlog_is_given_at_once_and_in_its_order(backlogs: Backlogs, backlog: int) -> None:
    backlogs.pile_up(backlog)
    backlogs.stop()
    write(backlogs.store, later(3, at=START + 3), later(1), later(1, 2), later(2, at=START + 2))
    assert backlogs.claimed(limit=2) == ["msg_1_1", "msg_2_1"]
    assert backlogs.claimed() == ["msg_3_1"]
    assert backlogs.claimed() == [], "each is claimed once"
    record(backlogs.store, "msg_1_1", DeliveryState.DELIVERED)
    assert backlogs.claimed() == ["msg_1_2"]
    assert backlogs.claimed(now=NOW + LEASE) == ["msg_1_2", "msg_2_1", "msg_3_1"], "their leases are over"


def test_what_is_due_in_front_of_a_backlog_and_behind_it_is_given_together(backlogs: Backlogs) -> None:
    write(backlogs.store, later(1, at=START - 1))
    backlogs.pile_up(MANY)
    backlogs.stop()
    write(backlogs.store, later(2))
    assert backlogs.claimed() == ["msg_1_1", "msg_2_1"]


def test_a_claim_reads_no_more_behind_a_larger_backlog(backlogs: Backlogs) -> None:
    backlogs.pile_up(MANY)
    backlogs.stop()
    few = backlogs.read_by_a_claim()
    with backlogs.store.transaction() as tx:
        tx.endpoints.update(STUCK)  # enabled: what is told to nobody piles up nowhere
    backlogs.pile_up(4 * MANY)
    backlogs.stop()
    assert backlogs.read_by_a_claim() < 1.2 * few


def test_nor_does_it_for_all_that_others_have_had_and_wait_for(backlogs: Backlogs) -> None:
    backlogs.pile_up(MANY)
    numbers = iter(range(100_000))

    def more(count: int) -> int:
        write(backlogs.store, *(notification(next(numbers)) for _ in range(count)))
        with backlogs.store.transaction() as tx:
            tx.merchants.get(OTHER.id)
            for number, then in enumerate(("state = 'delivered'", f"next_attempt_at = {NOW + 100}")):
                where = f"endpoint_id = '{ENDPOINT.id}' AND position % 2 = {number}"
                tx._connection.execute(text(f"UPDATE deliveries SET {then} WHERE {where}"))
        backlogs.stop()
        backlogs.read_by_a_claim()  # on PostgreSQL the first goes past what has just changed
        return backlogs.read_by_a_claim()

    few = more(LOOKED_AT)
    assert more(10 * MANY) < 1.5 * few, "PostgreSQL passes by a page's entries of what was changed"


def test_of_several_endpoints_behind_a_backlog_each_is_given_what_is_due_longest(backlogs: Backlogs) -> None:
    backlogs.pile_up(MANY)
    backlogs.stop()
    others: list[Endpoint] = [replace(ENDPOINT, id=f"we_{number}") for number in (2, 3)]
    write(backlogs.store, later(1), later(2, at=START + 2), endpoints=others)
    assert backlogs.claimed(limit=4) == ["msg_1_1"] * 3 + ["msg_2_1"]
    assert backlogs.claimed() == ["msg_2_1"] * 2


def test_what_waits_for_an_earlier_version_does_not_hold_up_what_is_due_behind_it(store: Store) -> None:
    write(store, *(notification(number, 1) for number in range(MANY)), endpoints=[ENDPOINT])
    with store.transaction() as tx:
        assert len(tx.outbox.claim(START, MANY, LEASE)) == MANY
    write(store, *(notification(number, 2) for number in range(MANY)))
    write(store, later(MANY))
    with store.transaction() as tx:
        assert [told.id for _, told, _ in tx.outbox.claim(NOW, 10, LEASE)] == [f"msg_{MANY}_1"]

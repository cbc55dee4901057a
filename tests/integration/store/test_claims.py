"""Tries that are written down together: each as it would be alone, and none of them waits for another's."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from earnest.store import Store
from earnest.store.claims import Tried
from earnest.store.records import Attempt, DeliveryState
from tests.integration.store.test_outbox import ENDPOINT, LEASE, claim, claimed_ids, notification, states, write
from tests.support.ledger import MERCHANT, START

OTHER = replace(ENDPOINT, id="we_2")


def tried(payment: int, state: DeliveryState, claims: int, *, retry_at: int | None = None) -> Tried:
    attempt = Attempt(f"msg_{payment}_1", ENDPOINT.id, 1, START, 500, "oh", 12)
    return Tried(attempt, state, retry_at, claims)


def record(store: Store, *tries: Tried) -> Sequence[Tried]:
    with store.transaction() as tx:
        return tx.outbox.record_at_once(tries)


def test_tries_that_end_together_are_recorded_as_each_would_be_alone(store: Store) -> None:
    write(store, *(notification(number) for number in range(4)), endpoints=[ENDPOINT, OTHER])
    assert len(claim(store, limit=100)) == 8
    left_out = record(
        store,
        tried(0, DeliveryState.DELIVERED, 1),
        tried(1, DeliveryState.PENDING, 1, retry_at=START + 5),
        tried(2, DeliveryState.DEAD, 1),
    )
    assert left_out == []
    assert states(store) == {
        "msg_0_1": ("delivered", 1, 1),
        "msg_1_1": ("pending", 1, 1),
        "msg_2_1": ("dead", 1, 1),
        "msg_3_1": ("pending", 0, 0),
    }
    assert {each[:2] for each in states(store, OTHER.id).values()} == {("pending", 0)}
    assert claimed_ids(store, START + 4) == []
    assert claimed_ids(store, START + 5) == ["msg_1_1"]
    assert record(store, tried(1, DeliveryState.DELIVERED, 2)) == []
    assert states(store)["msg_1_1"] == ("delivered", 2, 2)


def test_one_whose_claim_was_lost_or_whose_endpoint_is_gone_is_left_out_and_the_others_are_not(store: Store) -> None:
    write(store, notification(0), notification(1), endpoints=[ENDPOINT])
    claim(store)
    claim(store, START + LEASE)
    lost, gone = tried(0, DeliveryState.DEAD, 1), tried(7, DeliveryState.DELIVERED, 1)
    assert record(store, lost, gone, tried(1, DeliveryState.DELIVERED, 2)) == [lost, gone]
    assert states(store) == {"msg_0_1": ("pending", 0, 0), "msg_1_1": ("delivered", 1, 1)}
    assert claimed_ids(store, START + LEASE) == [], "the newer claim stands"


def test_on_postgresql_one_that_somebody_holds_is_left_out_and_nobody_waits(
    store: Store, request: pytest.FixtureRequest
) -> None:
    if "sqlite" in request.node.name:
        return  # one writer at a time is all there is
    write(store, notification(0), notification(1), endpoints=[ENDPOINT])
    claim(store)
    held, free = tried(0, DeliveryState.DELIVERED, 1), tried(1, DeliveryState.DELIVERED, 1)
    with store.transaction() as somebody:
        assert somebody.outbox.replay(ENDPOINT.id, START + LEASE, ["msg_0_1"]) == 1
        assert record(store, held, free) == [held]
    assert states(store) == {"msg_0_1": ("pending", 0, 0), "msg_1_1": ("delivered", 1, 1)}


def test_on_sqlite_claims_and_records_read_by_an_index_and_nothing_else(
    store: Store, request: pytest.FixtureRequest
) -> None:
    if "postgresql" in request.node.name:
        return  # its plans follow from how many rows there are
    write(store, *(notification(number) for number in range(3)), endpoints=[ENDPOINT])
    with store.transaction() as tx:
        tx.merchants.get(MERCHANT.id)  # so that the connection is there
        driver: Any = tx._connection.connection.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        heard: list[str] = []
        driver.set_trace_callback(heard.append)
        try:
            tx.outbox.claim(START, 2, LEASE)
            tx.outbox.record_at_once([tried(0, DeliveryState.DELIVERED, 1)])
            tx.outbox.give_back("msg_1_1", ENDPOINT.id, 1)
        finally:
            driver.set_trace_callback(None)
        lines = [row[-1] for each in heard for row in driver.execute(f"EXPLAIN QUERY PLAN {each}")]
    assert len(heard) == 9
    assert any("ix_deliveries_due" in each for each in lines)
    assert any("earlier USING INDEX ix_deliveries_in_order" in each for each in lines)
    tables = ("deliveries", "notifications", "endpoints", "attempts", "processes")
    assert [each for each in lines if each.startswith("SCAN") and each.split()[1] in tables] == []

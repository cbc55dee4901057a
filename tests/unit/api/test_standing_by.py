"""A process beside the one that follows the chain: it serves requests, and tells what that one says of the chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from earnest.api.leaders import QUIET_FORGIVEN_SECONDS, VACANT_FORGIVEN_SECONDS
from earnest.store.leads import follow_lead
from earnest.store.records import Lead
from tests.support.ledger import CHAIN_ID
from tests.unit.api.house import Down, House, client_of, open_house

LEADER = "machine-2/4711"
REPORT = {"state": "following", "head": 1, "final": None, "node_head": 4, "lag_blocks": 3, "error": None, "failures": 0}


@pytest.fixture
def beside() -> Iterator[House]:
    """A house whose follower is another process'."""
    with open_house() as house:
        chain = replace(house.services.chains[CHAIN_ID], follower_status=lambda: None)
        house.client = client_of(replace(house.services, chains={CHAIN_ID: chain}))
        yield house


def lead(house: House, **report: Any) -> Lead:
    """Let another process lead, and tell this."""
    with house.store.transaction() as tx:
        tx.processes.beat("another", LEADER, 30.0)
        taken = tx.leads.take(follow_lead(CHAIN_ID), "another")
        assert taken is not None
        assert tx.leads.report(taken, REPORT | report)
    return taken


def reasons(house: House) -> list[str]:
    answer = house.get("/health/ready", key=None)
    found: list[str] = answer.json()["reasons"]
    assert answer.status_code == (503 if found else 200)
    return found


def test_it_is_ready_while_another_follows(beside: House) -> None:
    lead(beside)
    assert reasons(beside) == []


def test_it_tells_what_is_mirrored_and_by_whom(beside: House) -> None:
    lead(beside)
    (chain,) = beside.get("/health/sync", key=None).json()["chains"]
    assert (chain["head"], chain["node_head"], chain["lag_blocks"], chain["error"]) == (1, 4, 3, None)
    assert (chain["leader"]["process"], chain["leader"]["leads"], chain["leader"]["here"]) == (LEADER, True, False)
    assert chain["heads"] is None  # an older version leads, which does not tell
    assert "earnest_follower_head_block{" not in beside.get("/metrics", key=None).text


def test_it_is_not_ready_when_whoever_follows_says_that_it_lags_or_is_held_up(beside: House) -> None:
    lead(beside, lag_blocks=21)
    assert "21 blocks behind" in " ".join(reasons(beside))
    lead(beside, error="a final block is gone", state="frozen", failures=1)
    assert "held up by an error" in " ".join(reasons(beside))


def test_what_another_version_tells_is_read_as_far_as_it_is_known(beside: House) -> None:
    lead(beside, moon="full")
    assert reasons(beside) == []


def test_it_says_that_nobody_follows(beside: House) -> None:
    assert ["no process follows it" in reason for reason in reasons(beside)] == [True]


def test_a_vacancy_is_forgiven_as_long_as_a_take_over_may_take(beside: House) -> None:
    led = lead(beside)
    with beside.store.transaction() as tx:
        tx.leads.give_back(led)
    assert reasons(beside) == []
    (chain,) = beside.get("/health/sync", key=None).json()["chains"]
    assert (chain["leader"]["leads"], chain["lag_blocks"]) == (False, None)
    long_ago = f"UPDATE leads SET reported_at_ms = reported_at_ms - {(VACANT_FORGIVEN_SECONDS + 5) * 1_000}"
    with beside.store.transaction() as tx:
        tx.leads._connection.exec_driver_sql(long_ago)
    (reason,) = reasons(beside)
    assert f"since {LEADER} ended" in reason


def test_a_leader_that_does_no_step_is_seen_before_it_loses_the_lead(beside: House) -> None:
    lead(beside, quiet_seconds=QUIET_FORGIVEN_SECONDS)
    assert reasons(beside) == []
    lead(beside, quiet_seconds=QUIET_FORGIVEN_SECONDS + 1)
    (reason,) = reasons(beside)
    assert "no step for 61 seconds" in reason
    assert reason.endswith("(follower_hangs)")
    (chain,) = beside.get("/health/sync", key=None).json()["chains"]
    assert chain["leader"]["quiet_seconds"] == 61


def test_what_hung_and_is_followed_by_nobody_is_named_until_another_leads(beside: House) -> None:
    led = lead(beside, hangs=True, quiet_seconds=121)
    with beside.store.transaction() as tx:
        tx.leads.give_back(led)
    (reason,) = reasons(beside)
    assert f"the follower in {LEADER} hangs" in reason
    assert reason.endswith("(follower_hangs)")
    lead(beside)
    assert reasons(beside) == []


def test_the_numbers_of_a_process_that_does_not_follow_say_who_does_and_how_far_the_mirror_is(beside: House) -> None:
    named = f'{{chain="{CHAIN_ID}"}}'
    assert f"earnest_mirror_followed{named} 0.0" in beside.get("/metrics", key=None).text
    lead(beside, error="no node answers", quiet_seconds=4)
    beside.moment[0] = beside.chain.head.timestamp + 30
    told = beside.get("/metrics", key=None).text
    for line in (
        f"earnest_mirror_head_block{named} {float(beside.chain.head.number)}",
        f"earnest_mirror_age_seconds{named} 30.0",
        f"earnest_mirror_lag_blocks{named} 3.0",
        f"earnest_mirror_failing{named} 1.0",
        f"earnest_mirror_quiet_seconds{named} 4.0",
        f"earnest_mirror_followed{named} 1.0",
        f'earnest_mirror_leader{{chain="{CHAIN_ID}",here="false",process="{LEADER}"}} 1.0',
    ):
        assert line in told.splitlines()
    (chain,) = beside.get("/health/sync", key=None).json()["chains"]
    assert chain["age_seconds"] == 30


def test_the_numbers_say_nothing_of_the_mirror_while_the_database_is_away(beside: House) -> None:
    lead(beside)
    with client_of(replace(beside.services, store=Down())) as client:
        answer = client.get("/metrics")
    assert (answer.status_code, "earnest_mirror_head_block{" in answer.text) == (200, False)

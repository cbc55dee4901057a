"""Many machines: whoever is stopped, killed or ended is replaced within seconds, and the story stays the chain's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tests.integration.machines.fleet import Fleet, Machine, running_fleet, wait_until
from tests.integration.machines.story import Day
from tests.support.anvil import find_anvil, running_anvil
from tests.support.postgres import PostgresServer

LONG = bool(os.environ.get("EARNEST_TEST_LONG"))
SEEDS = range(1, 11) if LONG else (1,)
BUSY_SECONDS = 5.0
"""What a machine that has too much to do may take longer. At rest it takes 3.1, 2.8 and 0.4 seconds."""
PAYMENTS = 30 if LONG else 4


@pytest.fixture(scope="module")
def fleet(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Five processes that share a PostgreSQL and a chain, for all tests of this file: starting them takes longest."""
    anvil = find_anvil()
    if anvil is None:
        pytest.skip("MISSING: anvil (npm ci in contracts/)")
    name = postgres_server.create_database()
    with (
        running_anvil(anvil) as node_url,
        running_fleet(tmp_path_factory.mktemp("fleet"), node_url, postgres_server.url(name)) as running,
    ):
        yield running
    postgres_server.drop_database(name)


@pytest.mark.parametrize(
    ("how", "within_seconds"),
    [(Machine.stop, 5.0), (Machine.kill, 5.0), (Machine.end, 2.0)],
    ids=["stopped", "killed", "ended"],
)
def test_another_leads_within_seconds(fleet: Fleet, how: Callable[[Machine], None], within_seconds: float) -> None:
    fleet.calm()
    old, before = fleet.leader(), fleet.leader_row()
    assert old is not None
    assert before is not None
    began = time.monotonic()
    how(old)
    wait_until(lambda: fleet.leader() not in (None, old), "another leader")
    took = time.monotonic() - began
    print(f"took over after {took:.2f} s")
    assert took < within_seconds + BUSY_SECONDS
    old.wake()
    time.sleep(1.5)
    after = fleet.leader_row()
    assert after is not None
    assert after.epoch == before.epoch + 1, "whoever wakes up stands by"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_day_ends_as_the_chain_says_whoever_is_stopped_or_killed(fleet: Fleet, seed: int) -> None:
    fleet.calm()
    with closing(Day(fleet, seed, PAYMENTS)) as day:
        try:
            day.run()
            day.prove()
        except BaseException:
            print(f"seed {seed}: {day.figures}\n{fleet.tails()}")
            raise
        print(day.figures)

"""Many machines: whoever is stopped, killed or ended is replaced within seconds, and the story stays the chain's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from earnest.store.leads import follow_lead
from earnest.store.presence import BEAT_SECONDS, LEASE_SECONDS
from tests.integration.machines.fleet import Fleet, Machine, running_fleet, wait_until
from tests.integration.machines.signs_of_life import SignsOfLife
from tests.integration.machines.story import Day
from tests.support.anvil import find_anvil, running_anvil
from tests.support.postgres import PostgresServer

LONG = bool(os.environ.get("EARNEST_TEST_LONG"))
SEEDS = range(1, 11) if LONG else (1,)
BUSY_SECONDS = 5.0
"""What a machine that has too much to do may take longer. At rest it takes 3.1, 2.8 and 0.4 seconds."""
LATE_STEPS = 3
"""Things that a take-over waits for, each of which may be as late as the signs of life: two to notice, one to tell."""
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
    with SignsOfLife(str(fleet.stack.database_url), follow_lead(fleet.chain_id)) as signs:
        old, before = fleet.leader(), fleet.leader_row()
        assert old is not None
        assert before is not None
        began = signs.now_ms()
        how(old)
        wait_until(lambda: fleet.leader() not in (None, old), "another leader")
        wait_until(lambda: before.epoch + 1 in signs.taken(), "its take-over being seen")
        _, taken_at = signs.taken()[before.epoch + 1]
        late = signs.late_ms(*others(fleet, signs, old))
        print(f"took over after {taken_at - began} ms; signs of life came up to {late} ms late")
        assert taken_at - began < (within_seconds + BUSY_SECONDS) * 1_000 + LATE_STEPS * late
        if old.is_stopped:
            woken = signs.now_ms()
            old.wake()
            wait_until(lambda: signs.last(before.process_name) > woken, "the one that woke up being there again")
        time.sleep(1.5)
        after = signs.taken()
    led_after = [name for epoch, (name, _) in after.items() if epoch > before.epoch]
    assert before.process_name not in led_after, "whoever wakes up stands by"
    # Only a leader whom the database has not heard of for a whole lease may be followed by another.
    assert len(led_after) == 1 or signs.late_ms(*led_after) > (LEASE_SECONDS - BEAT_SECONDS) * 1_000, led_after


def others(fleet: Fleet, signs: SignsOfLife, old: Machine) -> list[str]:
    """Return the names of the processes that can take over."""
    return [name for name in signs.names() if fleet.by_name(name) not in (None, old)]


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

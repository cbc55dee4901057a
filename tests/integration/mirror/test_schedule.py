"""When the mirror is compared with the contract beside its hours: once a backfill is over, until that succeeds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from earnest.chain.errors import NodeUnavailable
from earnest.chain.follower import FollowerStatus
from earnest.mirror.reconcile import Reconciler, Schedule
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.store import Store
from earnest.store.leading import Led
from earnest.store.leads import follow_lead
from earnest.store.presence import Presence
from earnest.testing.fake_node import FakeNode
from tests.support.provable import CHAIN_ID


def until(so: Callable[[], object]) -> None:
    for _ in range(2_000):
        if so():
            return
        time.sleep(0.005)
    raise TimeoutError("it did not come to that")


def test_whoever_compares_learns_how_the_follower_fares_on_either_database(store: Store) -> None:
    def follow(stop: threading.Event) -> None:
        stop.wait()

    def status() -> FollowerStatus:
        return FollowerStatus(head=4_900, lag_blocks=7)

    stop = threading.Event()
    reconciler = Reconciler(store, FakeNode(ZERO_ADDRESS), CHAIN_ID, ZERO_ADDRESS, bool, lambda: 0, status)
    with Presence(store) as presence:
        led = Led(presence, follow_lead(CHAIN_ID), follow, status=status)
        thread = threading.Thread(target=led.run, args=(stop,))
        thread.start()
        try:
            until(reconciler.followed)
            assert reconciler.followed() == (4_900, 7)
        finally:
            stop.set()
            thread.join()


class FailsOnce:
    """A reconciler that was told that a backfill is over, and whose first comparison after that fails."""

    def __init__(self) -> None:
        self.runs = 0
        self.done = threading.Event()

    def seconds_since_last(self) -> int:
        return 0

    def compared_at(self) -> int:
        return 900

    def followed(self) -> tuple[int, int]:
        return 4_900, 0

    def note_failure(self, _error: Exception) -> None:
        pass

    def run(self, **_how: Any) -> Any:
        self.runs += 1
        if self.runs > 1:
            self.done.set()
        raise NodeUnavailable("node", "does not answer")


def test_a_comparison_after_a_backfill_that_fails_is_made_again_and_not_at_once() -> None:
    reconciler, stop = FailsOnce(), threading.Event()
    schedule = Schedule(reconciler, 0.3, breather_seconds=0.0, look_seconds=0.001)  # type: ignore[arg-type]
    thread = threading.Thread(target=schedule.run, args=(stop,))
    started = time.monotonic()
    thread.start()
    try:
        assert reconciler.done.wait(5)
        assert time.monotonic() - started >= 0.3
    finally:
        stop.set()
        thread.join()

"""Who waits for tries is woken by the first that ends and by the last, and not by each."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from earnest.store.records import Endpoint
from earnest.webhooks.under_way import UnderWay

ENDPOINT = Endpoint("we_1", "mer_1", "https://shop.test", frozenset(), b"", 0)


class Workers:
    """Three tries that end when they are told to."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.pool, self.wake = pool, Event()
        self.under_way: UnderWay[str] = UnderWay(pool, self.wake)
        self.ends = [Event() for _ in range(3)]
        for number in range(3):
            self.under_way.begin(self._try, number, ENDPOINT)

    def end(self, number: int) -> None:
        """Let one end, and wait until that is noted."""
        ended = self.under_way.ended
        self.ends[number].set()
        while self.under_way.ended == ended:
            time.sleep(0.001)

    def _try(self, number: int) -> str | None:
        assert self.ends[number].wait(20)
        return f"try {number}" if number else None


@pytest.fixture
def workers() -> Iterator[Workers]:
    with ThreadPoolExecutor(3) as pool:
        made = Workers(pool)
        yield made
        for each in made.ends:
            each.set()


def test_the_first_end_and_the_last_one_wake_and_none_in_between(workers: Workers) -> None:
    woken = []
    for number in range(3):
        workers.end(number)
        woken.append((workers.wake.is_set(), workers.under_way.is_ending))
        workers.wake.clear()
    assert woken == [(True, True), (False, True), (True, False)]


def test_what_ended_is_taken_once_and_the_next_end_wakes_again(workers: Workers) -> None:
    assert (workers.under_way.take_ended(), len(workers.under_way)) == ([], 3)
    workers.end(1)
    assert workers.under_way.take_ended() == ["try 1"]
    assert (workers.under_way.endpoints, workers.under_way.is_ending) == ([ENDPOINT, ENDPOINT], False)
    workers.wake.clear()
    workers.end(0)
    assert workers.wake.is_set()
    workers.end(2)
    assert workers.under_way.take_ended() == ["try 2"], "nothing is to be recorded of the other"
    assert (workers.under_way.ended, len(workers.under_way)) == (0, 0)

"""Several processes on one PostgreSQL: one leads, the others stand by, and who lost the lock stops leading."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import psycopg
import pytest
from sqlalchemy import make_url

from earnest.store import Store, open_store
from earnest.wiring import Led


class Process:
    """What one process of several runs: a led job that counts how often it was begun and ended."""

    def __init__(self, store: Store) -> None:
        self.stop, self.begun, self.ended = threading.Event(), 0, 0
        self.led = Led(store, "follow-1", self._job)
        self._thread = threading.Thread(target=self.led.loop.run, args=(self.stop,), daemon=True)

    def _job(self, stop: threading.Event) -> None:
        self.begun += 1
        stop.wait()
        self.ended += 1

    @contextmanager
    def running(self) -> Iterator[Process]:
        self._thread.start()
        yield self
        self.stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


def wait_until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


@pytest.fixture
def stores(postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """Two stores on one database, as two processes have them."""
    with closing(open_store(postgres_url)) as one, closing(open_store(postgres_url)) as two:
        yield one, two


def end_whoever_holds_the_lock(url: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")


def test_one_leads_and_the_other_takes_over_when_it_stops(stores: tuple[Store, Store]) -> None:
    one, two = (Process(store) for store in stores)
    with two_started(one, two):
        assert (one.led.leads, two.led.leads) == (True, False)
        one.stop.set()
        wait_until(lambda: two.led.leads)
        assert (one.led.leads, one.ended, two.begun) == (False, 1, 1)


def test_whoever_loses_the_lock_stops_soon_and_one_leads_again(stores: tuple[Store, Store], postgres_url: str) -> None:
    one, two = (Process(store) for store in stores)
    with two_started(one, two):
        end_whoever_holds_the_lock(postgres_url)
        wait_until(lambda: one.ended == 1)
        wait_until(lambda: one.led.leads != two.led.leads)


@contextmanager
def two_started(one: Process, two: Process) -> Iterator[None]:
    with one.running():
        wait_until(lambda: one.led.leads)
        with two.running():
            time.sleep(0.2)
            yield


def test_on_sqlite_one_process_has_it_all() -> None:
    with closing(open_store("sqlite://")) as store:
        process = Process(store)
        assert process.led.leads
        with process.running():
            wait_until(lambda: process.begun == 1)

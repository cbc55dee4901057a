"""Several processes on one PostgreSQL: one leads, the others stand by and take over, and never two lead at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import make_url

from earnest.chain.follower import Follower
from earnest.chain.node import Call, Node
from earnest.mirror import ChainMirror
from earnest.payment.errors import Misconfigured
from earnest.settings import FinalityRule
from earnest.store import Store, open_store
from earnest.store.errors import LeadLost
from earnest.store.leading import HAND_OVER_SECONDS, Led
from earnest.store.leads import Fence
from earnest.store.presence import LEASE_SECONDS, Presence
from earnest.testing.fake_node import FakeNode
from tests.support.ledger import CHAIN_ID, ESCROW

JOB = "follow-1"
PATIENCE_SECONDS = 30.0
BUSY_SECONDS = 3.0
"""What a machine that has too much to do may take longer."""


class Process:
    """What one process of several runs: a led job that counts how often it was begun and ended.

    `hold_up` keeps the job from ending; `sleep` is a SIGSTOP as far as the others see: no sign of life, no clock.
    """

    def __init__(self, store: Store, *, stuck_seconds: float = 120.0, lease_seconds: float = LEASE_SECONDS) -> None:
        self.stop, self.begun, self.ended = threading.Event(), 0, 0
        self.hold_up = threading.Event()
        self.fault: Exception | None = None
        self.steps = object()
        self.goes_on = True
        self.store, self.fence = store, Fence()
        self.presence = Presence(store, lease_seconds=lease_seconds)
        self.led = Led(
            self.presence, JOB, self._job, fence=self.fence, status=self._status, stuck_seconds=stuck_seconds
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _status(self) -> object:
        if self.goes_on:
            self.steps = object()
        return self.steps

    def _run(self) -> None:
        try:
            self.led.run(self.stop)
        except Exception as error:
            self.fault = error

    def _job(self, stop: threading.Event) -> None:
        self.begun += 1
        if self.fault is not None:
            raise self.fault
        stop.wait()
        while self.hold_up.is_set():
            time.sleep(0.01)
        self.ended += 1

    def may_write(self) -> bool:
        try:
            with self.store.transaction() as tx:
                self.fence.hold(tx.leads)
        except LeadLost:
            return False
        return True

    @contextmanager
    def running(self) -> Iterator[Process]:
        with self.presence:
            self._thread.start()
            try:
                yield self
            finally:
                self.hold_up.clear()
                self.stop.set()
                self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> float:
    """Return how long it took."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, "it did not come to that"
        time.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture
def stores(postgres_url: str) -> Iterator[tuple[Store, Store]]:
    """Two stores on one database, as two processes have them."""
    with closing(open_store(postgres_url)) as one, closing(open_store(postgres_url)) as two:
        one.upgrade()
        yield one, two


@contextmanager
def two_running(one: Process, two: Process) -> Iterator[None]:
    with ExitStack() as ends:
        ends.enter_context(one.running())
        wait_until(lambda: one.led.leads)
        ends.enter_context(two.running())
        time.sleep(0.2)
        yield


def end_connections_of(process: Process, url: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        name = f"earnest {process.store.process_id}"
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s", (name,)
        )


def test_one_leads_and_the_other_takes_over_at_once_when_it_stops(stores: tuple[Store, Store]) -> None:
    one, two = (Process(store) for store in stores)
    with two_running(one, two):
        assert (one.led.leads, two.led.leads) == (True, False)
        one.stop.set()
        assert wait_until(lambda: two.led.leads) < 2.0 + BUSY_SECONDS
        assert (one.led.leads, one.ended, two.begun) == (False, 1, 1)
        assert (one.may_write(), two.may_write()) == (False, True)


def test_a_leader_whose_job_does_not_end_hands_over_all_the_same(stores: tuple[Store, Store]) -> None:
    one, two = (Process(store) for store in stores)
    with two_running(one, two):
        one.hold_up.set()
        one.stop.set()
        assert wait_until(lambda: two.led.leads) < HAND_OVER_SECONDS + 2.0 + BUSY_SECONDS
        assert (one.ended, one.may_write(), two.may_write()) == (0, False, True)


def test_a_leader_that_falls_silent_is_followed_and_never_leads_beside_the_next(stores: tuple[Store, Store]) -> None:
    one, two = (Process(store) for store in stores)
    with two_running(one, two):
        one.presence._left.set()  # no more signs of life, as of a process that was stopped
        assert wait_until(lambda: two.led.leads) < LEASE_SECONDS + 2.0 + BUSY_SECONDS
        assert (one.led.leads, one.may_write(), two.may_write()) == (False, False, True)
        wait_until(lambda: one.ended == 1)


def test_a_job_that_hangs_is_led_by_another(stores: tuple[Store, Store]) -> None:
    """The process lives and says so; its job does not come one step further."""
    one, two = (Process(store, stuck_seconds=1.0) for store in stores)
    with two_running(one, two):
        one.hold_up.set()
        one.goes_on = False
        wait_until(lambda: two.led.leads)
        assert (one.led.leads, one.ended, one.may_write()) == (False, 0, False)
        two.stop.set()
        time.sleep(2.0)
        assert one.begun == 1, "it does not begin again beside what hangs"
        one.goes_on = True
        one.hold_up.clear()
        wait_until(lambda: one.led.leads)
        assert one.may_write()


class HangingNode(Node):
    """A node's client that returns no more at some moment, as one with a fault of its own would."""

    def __init__(self, node: Node) -> None:
        self._node, self.endpoint = node, node.endpoint
        self.hangs, self.goes_on = threading.Event(), threading.Event()

    def _wait(self) -> None:
        if self.hangs.is_set():
            self.goes_on.wait(PATIENCE_SECONDS)

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        self._wait()
        return self._node.call(method, params, into)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        self._wait()
        return self._node.batch(calls)


def test_a_follower_that_hangs_without_a_word_loses_the_lead_though_its_process_lives(
    stores: tuple[Store, Store],
) -> None:
    chain = FakeNode(ESCROW)
    stuck = HangingNode(chain)
    with ExitStack() as ends:
        leds: list[Led] = []
        for store, node in zip(stores, (stuck, chain), strict=True):
            presence, fence = ends.enter_context(Presence(store)), Fence()
            mirror = ChainMirror(store, CHAIN_ID, ESCROW, lambda _: None, lambda: 0, fence=fence)
            rule = FinalityRule(depth_blocks=4)
            follower = Follower(
                node, mirror, chain_id=CHAIN_ID, escrow=ESCROW, deployed_at_block=1, finality=rule, poll_seconds=0.1
            )
            led = Led(presence, JOB, follower.run, fence=fence, status=follower.status, stuck_seconds=2.0)
            stop = threading.Event()
            thread = threading.Thread(target=led.run, args=(stop,), daemon=True)
            ends.callback(thread.join, PATIENCE_SECONDS)  # or it might connect anew once its store is closed
            ends.callback(stop.set)
            thread.start()
            leds.append(led)
            wait_until(lambda: leds[0].leads)
        ends.callback(stuck.goes_on.set)

        def head() -> int | None:
            with stores[0].read() as tx:
                view = tx.blocks.view(CHAIN_ID)
            return view.head.number if view else None

        chain.mine_empty(3)
        wait_until(lambda: head() == 3)
        stuck.hangs.set()
        chain.mine_empty(2)
        wait_until(lambda: leds[1].leads)
        wait_until(lambda: head() == 5)
        wait_until(lambda: leds[1].quiet_seconds < 2)
        assert not leds[0].leads


def test_what_hangs_alone_says_so_to_everybody(stores: tuple[Store, Store]) -> None:
    process = Process(stores[0], stuck_seconds=1.0)
    with process.running():
        wait_until(lambda: process.led.leads)
        process.hold_up.set()
        process.goes_on = False
        wait_until(lambda: not process.led.leads)

        def said() -> object:
            with stores[1].read() as tx:
                leader = tx.leads.leader(JOB)
            return leader.report if leader and not leader.is_there else None

        wait_until(lambda: said() is not None)
        assert said() == {"quiet_seconds": 2, "hangs": True}


def test_connections_that_end_end_no_lead(stores: tuple[Store, Store], postgres_url: str) -> None:
    one, two = (Process(store, lease_seconds=30.0) for store in stores)
    with two_running(one, two):
        end_connections_of(one, postgres_url)
        time.sleep(3.0)
        assert (one.led.leads, one.begun, two.begun) == (True, 1, 0)


def test_what_the_job_raises_is_raised_and_the_lead_is_free(stores: tuple[Store, Store]) -> None:
    one, two = (Process(store) for store in stores)
    one.fault = Misconfigured("another chain")
    with two.presence, one.running():
        wait_until(lambda: not one._thread.is_alive())
        assert isinstance(one.fault, Misconfigured)
        with two.presence.lead(JOB) as lead:
            assert lead.epoch == 2


def test_a_lead_that_is_seized_is_kept_from_whoever_had_it_until_it_is_given_back(stores: tuple[Store, Store]) -> None:
    one, two = (Process(store) for store in stores)
    with two.presence, one.running():
        wait_until(lambda: one.led.leads)
        with two.presence.lead(JOB, seize=True) as lead:
            assert (lead.epoch, one.may_write()) == (2, False)
            wait_until(lambda: one.ended == 1)
            time.sleep(1.5)  # it asks twice a second
            assert (one.led.leads, one.begun) == (False, 1)
            with stores[1].transaction() as tx:
                tx.leads.hold(lead)
        wait_until(lambda: one.led.leads)
        assert one.may_write()


def test_whoever_seizes_a_lead_waits_for_what_is_just_being_written(stores: tuple[Store, Store]) -> None:
    one, two = (Process(store) for store in stores)
    with two.presence, one.running():
        wait_until(lambda: one.led.leads)
        seized, done = threading.Event(), threading.Event()

        def seize() -> None:
            with two.presence.lead(JOB, seize=True):
                seized.set()
                done.wait(PATIENCE_SECONDS)

        thread = threading.Thread(target=seize)
        with stores[0].transaction() as tx:
            one.fence.hold(tx.leads)
            thread.start()
            assert not seized.wait(1.0)
        assert seized.wait(PATIENCE_SECONDS)
        done.set()
        thread.join()


def test_on_sqlite_one_process_has_it_all() -> None:
    with closing(open_store("sqlite://")) as store:
        store.upgrade()
        process = Process(store)
        with process.running():
            wait_until(lambda: process.led.leads and process.begun == 1)
            assert process.may_write()

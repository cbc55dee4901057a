"""What came of tries that end together is written down together; what cannot be, each by itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest

from earnest.payment.events import EventKind
from earnest.store import Store, Transaction
from earnest.store.errors import DatabaseUnavailable
from earnest.store.records import DeliveryState
from earnest.webhooks.deliver import Deliverer
from earnest.webhooks.retry import Answer
from tests.unit.webhooks.test_deliver import Post, post

__all__ = ["post"]

MANY = 3
FAILURES = [DatabaseUnavailable("away"), ArithmeticError("a fault of ours")]


class WatchedStore:
    """A store that counts its units of work; the next one after a webhook was posted fails with `failure`."""

    def __init__(self, store: Store, posted: Callable[[], object], failure: Exception | None = None) -> None:
        self._store, self._posted, self._failure = store, posted, failure
        self.units_of_work = 0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        self.units_of_work += 1
        if self._failure and self._posted():
            failure, self._failure = self._failure, None
            raise failure
        with self._store.transaction() as tx:
            yield tx


def tell(post: Post, many: int = MANY) -> str:
    endpoint = post.add_endpoint()
    for number in range(many):
        post.happen(post.add_payment(number), EventKind.PAYMENT_FUNDED)
    return endpoint


def watch(post: Post, failure: Exception | None = None, workers: int = MANY) -> tuple[Deliverer, WatchedStore]:
    store: Any = WatchedStore(post.store, lambda: len(post.poster.posted) == MANY, failure)
    return Deliverer(store, post.secrets, post.poster, lambda: post.moment[0], workers=workers), store


@contextmanager
def running(deliverer: Deliverer) -> Iterator[Event]:
    stop = Event()
    loop = Thread(target=deliverer.run, args=(stop,))
    loop.start()
    try:
        yield stop
    finally:
        stop.set()
        loop.join(20)
    assert not loop.is_alive()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def test_so_many_tries_take_one_unit_of_work_to_claim_and_one_to_record(post: Post) -> None:
    endpoint = tell(post)
    deliverer, store = watch(post)
    assert deliverer.step() == MANY
    assert (store.units_of_work, post.states(endpoint)) == (2, [DeliveryState.DELIVERED] * MANY)


def test_one_unit_of_work_claims_for_several_endpoints_as_much_as_each_may_have(post: Post) -> None:
    endpoints = [post.add_endpoint(), tell(post)]
    release = Event()
    post.poster.behave = lambda *_: Answer(200) if release.wait(20) else Answer(500)
    deliverer, store = watch(post, workers=8)
    with running(deliverer) as stop:
        until(lambda: len(post.poster.posted) == 5)  # as many as one merchant may have at once
        assert store.units_of_work == 1
        release.set()
        until(lambda: all(set(post.states(each)) == {DeliveryState.DELIVERED} for each in endpoints))
        stop.set()


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
def test_what_was_not_recorded_together_is_recorded_one_by_one(post: Post, failure: Exception) -> None:
    endpoint = tell(post)
    deliverer, store = watch(post, failure)
    assert deliverer.step() == MANY
    assert (store.units_of_work, post.states(endpoint)) == (2 + MANY, [DeliveryState.DELIVERED] * MANY)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda each: type(each).__name__)
def test_the_loop_goes_on_after_it_could_not_record_and_sends_nothing_twice(post: Post, failure: Exception) -> None:
    endpoint = tell(post)
    deliverer, _ = watch(post, failure)
    with running(deliverer):
        until(lambda: post.states(endpoint) == [DeliveryState.DELIVERED] * MANY)
        post.happen(post.add_payment(9), EventKind.PAYMENT_FUNDED)
        until(lambda: post.states(endpoint) == [DeliveryState.DELIVERED] * (MANY + 1))
    assert len(set(post.poster.ids)) == len(post.poster.ids) == MANY + 1


def test_what_ends_after_the_loop_was_told_to_end_is_recorded_and_nothing_more_is_begun(post: Post) -> None:
    endpoint = tell(post)
    release = Event()
    post.poster.behave = lambda *_: Answer(200) if release.wait(20) else Answer(500)
    deliverer = Deliverer(post.store, post.secrets, post.poster, lambda: post.moment[0], workers=2)
    with running(deliverer) as stop:
        until(lambda: len(post.poster.posted) == 2)
        stop.set()
        release.set()
    assert sorted(post.states(endpoint)) == ["delivered", "delivered", "pending"]
    assert len(post.poster.posted) == 2


def test_one_that_asks_for_an_end_or_was_withheld_does_not_hold_up_what_ended_with_it(post: Post) -> None:
    endpoint = tell(post)
    answers = [Answer(200), Answer(410), Answer(error="away", withheld=True)]

    def behave(_url: str, _headers: dict[str, str], body: bytes) -> Answer:
        return answers[int(json.loads(body)["data"]["order_reference"].removeprefix("order-"))]

    post.poster.behave = behave
    deliverer, _ = watch(post)
    assert deliverer.step() == MANY
    assert sorted(post.states(endpoint)) == ["dead", "delivered", "pending"]
    with post.store.read() as tx:
        stored = tx.endpoints.get("mer_1", endpoint)
        reports = tx.outbox.deliveries(endpoint).items
    assert stored is not None
    assert stored.disabled_at is not None
    assert sorted(len(each.attempts) for each in reports) == [0, 1, 1]

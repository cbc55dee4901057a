"""A deliverer in the mirror's own process is woken by what the mirror wrote; it need not look for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread

import pytest

from earnest.payment.events import EventKind
from earnest.webhooks.deliver import Deliverer
from tests.support.stores import make_mirror
from tests.unit.webhooks.test_deliver import Post, post

__all__ = ["post"]

LONG = 60.0


@pytest.fixture
def news() -> Event:
    return Event()


@pytest.fixture
def running(post: Post, news: Event) -> Iterator[Thread]:
    """A deliverer that hardly ever looks by itself."""
    stop = Event()
    deliverer = Deliverer(post.store, post.secrets, post.poster, lambda: post.moment[0], news=news, idle_seconds=LONG)
    thread = Thread(target=deliverer.run, args=(stop,), daemon=True)
    thread.start()
    yield thread
    stop.set()
    news.set()
    thread.join(10.0)
    assert not thread.is_alive()


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG / 3
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.005)


def test_what_the_mirror_writes_wakes_the_deliverer(post: Post, news: Event, running: Thread) -> None:
    post.mirror = make_mirror(post.store, announce=news.set)
    post.add_endpoint()
    payment = post.add_payment()
    post.happen(payment, EventKind.PAYMENT_FUNDED)
    until(lambda: len(post.poster.posted) == 1)
    post.happen(payment, EventKind.DELIVERY_CONFIRMED)
    until(lambda: len(post.poster.posted) == 2)


def test_one_payments_next_notification_follows_as_soon_as_the_one_before_is_delivered(
    post: Post, news: Event, running: Thread
) -> None:
    post.add_endpoint()
    payment = post.add_payment()
    for kind in (EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED):
        post.happen(payment, kind)
    news.set()
    until(lambda: post.poster.types == ["payment.funded", "payment.delivered", "payment.released"])


def test_a_block_without_anything_to_tell_wakes_nobody(post: Post, news: Event) -> None:
    make_mirror(post.store, announce=news.set).take([post.chain.mine()])
    assert not news.is_set()

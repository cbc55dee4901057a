"""A merchant whose receivers take their time: he waits for himself, and nobody else waits for him."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from earnest.commands.create_endpoint import create_endpoint
from earnest.payment.events import EventKind
from earnest.webhooks.deliver import WORKERS_PER_ENDPOINT, WORKERS_PER_MERCHANT, Deliverer
from earnest.webhooks.kit import EndpointKit
from earnest.webhooks.retry import Answer
from tests.support.ledger import MERCHANT, make_payment
from tests.unit.api.house import opened
from tests.unit.webhooks.test_deliver import Post

SLOW, QUICK = "https://slow.example/hooks", "https://quick.example/hooks"


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    """A post office in a file."""
    with opened(tmp_path) as store:
        yield Post(store)


@pytest.mark.parametrize(("endpoints", "held"), [(1, WORKERS_PER_ENDPOINT), (3, WORKERS_PER_MERCHANT)])
def test_a_slow_merchant_holds_only_his_own_workers(post: Post, endpoints: int, held: int) -> None:
    with post.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
    for _ in range(endpoints):
        post.add_endpoint(SLOW)
    create_endpoint(post.store, EndpointKit(post.secrets), "mer_2", QUICK, now=post.moment[0])
    for number in range(1, 13):
        post.happen(post.add_payment(number), EventKind.PAYMENT_FUNDED)
    quick = make_payment(99, account="mer_2")
    with post.store.transaction() as tx:
        tx.payments.add(quick)
    post.happen(quick, EventKind.PAYMENT_FUNDED)

    released, arrived, slow_ones, most = threading.Event(), threading.Event(), 0, 0
    counting = threading.Lock()

    def behave(url: str, _headers: dict[str, str], _body: bytes) -> Answer:
        nonlocal slow_ones, most
        if url == QUICK:
            arrived.set()
            return Answer(200)
        with counting:
            slow_ones += 1
            most = max(most, slow_ones)
        released.wait(30)
        with counting:
            slow_ones -= 1
        return Answer(200)

    post.poster.behave = behave
    deliverer = Deliverer(post.store, post.secrets, post.poster, lambda: post.moment[0], workers=6)
    stop = threading.Event()
    thread = threading.Thread(target=deliverer.run, args=(stop,))
    thread.start()
    try:
        assert arrived.wait(10), "the quick merchant waits for the slow one"
        released.set()
        deadline = time.monotonic() + 20
        while len(post.poster.posted) < 12 * endpoints + 1 and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        released.set()
        stop.set()
        thread.join(10)
    assert (len(post.poster.posted), len(set(post.poster.ids))) == (12 * endpoints + 1, 13)
    assert most == held

"""The deliverer over a real store, with a fake at the port where HTTP begins."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock, Thread

import pytest

from earnest.commands.create_endpoint import create_endpoint
from earnest.commands.rotate_secret import rotate_secret
from earnest.payment.events import EventKind
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.store import Store
from earnest.store.presence import Presence
from earnest.store.records import DeliveryState
from earnest.webhooks.deliver import LEASE_SECONDS, Deliverer
from earnest.webhooks.endpoint_secrets import OVERLAP_SECONDS
from earnest.webhooks.kit import EndpointKit
from earnest.webhooks.retry import DELAYS_SECONDS, MAX_TRIES, Answer
from earnest.webhooks.secretbox import SecretBox, new_key
from tests.support.ledger import START, FakeChain, make_payment
from tests.support.stores import make_mirror
from tests.unit.api.house import opened

Behave = Callable[[str, dict[str, str], bytes], Answer]


@dataclass
class FakePoster:
    """Remembers what was posted and answers as told; 200 if nothing was told."""

    behave: Behave = lambda _url, _headers, _body: Answer(200)
    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> Answer:
        with self.lock:
            self.posted.append((url, dict(headers), body))
        return self.behave(url, headers, body)

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, _, body in self.posted]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for _, headers, _ in self.posted]


@dataclass
class Post:
    """A store with a funded payment's notification, one endpoint, and a deliverer."""

    store: Store
    chain: FakeChain = field(default_factory=FakeChain)
    poster: FakePoster = field(default_factory=FakePoster)
    moment: list[int] = field(default_factory=lambda: [START + 1_000])
    secrets: SecretBox = field(default_factory=lambda: SecretBox(new_key(bytes(32))))

    def __post_init__(self) -> None:
        self.mirror = make_mirror(self.store)
        self.deliverer = Deliverer(
            self.store, self.secrets, self.poster, lambda: self.moment[0], rng=random.Random(1), workers=4
        )

    def add_endpoint(self, url: str = "https://shop.example/hooks") -> str:
        return create_endpoint(self.store, EndpointKit(self.secrets), "mer_1", url, now=self.moment[0]).endpoint.id

    def add_payment(self, number: int = 1) -> Payment:
        payment = make_payment(number)
        with self.store.transaction() as tx:
            tx.payments.add(payment)
        return payment

    def happen(self, payment: Payment, kind: EventKind, status: Status | None = None) -> None:
        self.mirror.take([self.chain.mine(self.chain.next(payment, kind, status))])

    def states(self, endpoint: str) -> list[DeliveryState]:
        with self.store.read() as tx:
            return [each.delivery.state for each in tx.outbox.deliveries(endpoint, limit=100).items]

    def wait_until_due(self) -> None:
        self.moment[0] += 2 * DELAYS_SECONDS[-1]


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    """A post office in a file."""
    with opened(tmp_path) as store:
        yield Post(store)


def test_a_notification_is_posted_signed_and_recorded(post: Post) -> None:
    endpoint, payment = post.add_endpoint(), post.add_payment()
    post.happen(payment, EventKind.PAYMENT_FUNDED)
    assert post.deliverer.step() == 1
    ((url, headers, body),) = post.poster.posted
    assert url == "https://shop.example/hooks"
    assert headers["webhook-timestamp"] == str(post.moment[0])
    assert json.loads(body)["id"] == headers["webhook-id"]
    assert json.loads(body)["data"]["id"] == payment.id
    assert post.states(endpoint) == [DeliveryState.DELIVERED]
    assert post.deliverer.step() == 0


def test_a_failed_try_is_made_again_with_the_same_id_and_body_until_it_arrives(post: Post) -> None:
    endpoint, payment = post.add_endpoint(), post.add_payment()
    post.happen(payment, EventKind.PAYMENT_FUNDED)
    answers = iter([Answer(500), Answer(error="no answer"), Answer(301), Answer(204)])
    post.poster.behave = lambda *_: next(answers)
    for _ in range(4):
        assert post.deliverer.step() == 1
        assert post.deliverer.step() == 0
        post.wait_until_due()
    assert len(set(post.poster.ids)) == 1
    assert len({body for _, _, body in post.poster.posted}) == 1
    with post.store.read() as tx:
        (report,) = tx.outbox.deliveries(endpoint).items
    assert [(each.number, each.status_code, each.error) for each in report.attempts] == [
        (1, 500, None),
        (2, None, "no answer"),
        (3, 301, None),
        (4, 204, None),
    ]


def test_it_is_given_up_when_the_plan_is_over_and_listed_as_dead(post: Post) -> None:
    endpoint, payment = post.add_endpoint(), post.add_payment()
    post.happen(payment, EventKind.PAYMENT_FUNDED)
    post.poster.behave = lambda *_: Answer(500)
    for _ in range(MAX_TRIES):
        assert post.deliverer.step() == 1
        post.wait_until_due()
    assert post.deliverer.step() == 0
    assert post.states(endpoint) == [DeliveryState.DEAD]


def test_retry_after_is_honoured(post: Post) -> None:
    post.add_endpoint()
    post.happen(post.add_payment(), EventKind.PAYMENT_FUNDED)
    post.poster.behave = lambda *_: Answer(503, retry_after_seconds=3_600)
    post.deliverer.step()
    post.moment[0] += 3_599
    assert post.deliverer.step() == 0
    post.moment[0] += 722
    assert post.deliverer.step() == 1


def test_410_disables_the_endpoint_and_others_go_on(post: Post) -> None:
    gone, other = post.add_endpoint("https://gone.example/"), post.add_endpoint("https://other.example/")
    payment = post.add_payment()
    post.poster.behave = lambda url, *_: Answer(410 if "gone" in url else 200)
    post.happen(payment, EventKind.PAYMENT_FUNDED)
    post.deliverer.step()
    post.happen(payment, EventKind.DELIVERY_CONFIRMED)
    post.wait_until_due()
    post.deliverer.step()
    assert [url for url, _, _ in post.poster.posted].count("https://gone.example/") == 1
    assert post.states(other) == [DeliveryState.DELIVERED] * 2
    with post.store.read() as tx:
        endpoint = tx.endpoints.get("mer_1", gone)
    assert endpoint is not None
    assert endpoint.disabled_at is not None
    assert "410" in (endpoint.disabled_reason or "")


def test_one_payments_webhooks_arrive_in_order_and_do_not_hold_up_anothers(post: Post) -> None:
    post.add_endpoint()
    slow, quick = post.add_payment(1), post.add_payment(2)
    stuck = [True]
    post.poster.behave = lambda _u, _h, body: Answer(
        500 if stuck[0] and json.loads(body)["data"]["id"] == slow.id else 200
    )
    for kind in (EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED):
        post.happen(slow, kind)
        post.happen(quick, kind)
    while post.deliverer.step():
        pass
    arrived = [json.loads(body) for _, _, body in post.poster.posted]
    assert [each["type"] for each in arrived if each["data"]["id"] == slow.id] == ["payment.funded"]
    assert [each["data"]["version"] for each in arrived if each["data"]["id"] == quick.id] == [1, 2, 3]
    stuck[0] = False
    post.wait_until_due()
    while post.deliverer.step():
        pass
    told = [json.loads(body) for _, _, body in post.poster.posted]
    assert [each["data"]["version"] for each in told if each["data"]["id"] == slow.id] == [1, 1, 2, 3]


def test_a_worker_that_died_is_replaced_when_its_lease_is_over(post: Post) -> None:
    post.add_endpoint()
    post.happen(post.add_payment(), EventKind.PAYMENT_FUNDED)
    with post.store.transaction() as tx:
        (claimed,) = tx.outbox.claim(post.moment[0], 10, LEASE_SECONDS)
    assert post.deliverer.step() == 0
    post.moment[0] += LEASE_SECONDS
    assert post.deliverer.step() == 1
    assert post.poster.ids == [claimed[1].id]


def test_what_was_withheld_is_no_try_and_due_again_at_once(post: Post) -> None:
    endpoint = post.add_endpoint()
    post.happen(post.add_payment(), EventKind.PAYMENT_FUNDED)
    answers = iter([Answer(error="away", withheld=True), Answer(200)])
    post.poster.behave = lambda *_: next(answers)
    assert (post.deliverer.step(), post.deliverer.step()) == (1, 1)
    with post.store.read() as tx:
        (report,) = tx.outbox.deliveries(endpoint).items
    assert [(each.number, each.status_code) for each in report.attempts] == [(1, 200)]


def test_a_process_that_others_count_as_gone_claims_nothing(post: Post) -> None:
    post.add_endpoint()
    post.happen(post.add_payment(), EventKind.PAYMENT_FUNDED)
    presence = Presence(post.store)
    deliverer = Deliverer(post.store, post.secrets, post.poster, lambda: post.moment[0], presence=presence)
    assert deliverer.step() == 0
    with presence:
        assert deliverer.step() == 1
        with post.store.read() as tx:
            assert [each.id for each in tx.processes.alive()] == [presence.id]
    assert not presence.alive()


def test_what_came_of_a_try_is_recorded_when_the_database_is_back(post: Post) -> None:
    from earnest.store.errors import DatabaseUnavailable  # noqa: PLC0415

    endpoint = post.add_endpoint()
    post.happen(post.add_payment(), EventKind.PAYMENT_FUNDED)
    refusals = [2]

    def clock() -> int:
        if post.poster.posted and refusals[0]:
            refusals[0] -= 1
            # The plan asks first; then recording does.
            if refusals[0] == 0:
                raise DatabaseUnavailable("away")
        return post.moment[0]

    Deliverer(post.store, post.secrets, post.poster, clock).step()
    assert (refusals, len(post.poster.posted)) == ([0], 1)
    assert post.states(endpoint) == [DeliveryState.DELIVERED]


def test_both_secrets_sign_after_a_rotation(post: Post) -> None:
    endpoint = post.add_endpoint()
    rotate_secret(post.store, EndpointKit(post.secrets), "mer_1", endpoint, now=post.moment[0])
    post.happen(post.add_payment(), EventKind.PAYMENT_FUNDED)
    post.deliverer.step()
    assert len(post.poster.posted[0][1]["webhook-signature"].split(" ")) == 2


def test_a_rotation_is_heeded_by_a_deliverer_that_has_the_former_secret_at_hand(post: Post) -> None:
    endpoint, payment = post.add_endpoint(), post.add_payment()
    for kind in (EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED):
        post.happen(payment, kind)
    post.deliverer.step()
    rotate_secret(post.store, EndpointKit(post.secrets), "mer_1", endpoint, now=post.moment[0])
    post.deliverer.step()
    post.moment[0] += OVERLAP_SECONDS
    post.deliverer.step()
    signatures = [headers["webhook-signature"].split(" ") for _, headers, _ in post.poster.posted]
    assert [len(each) for each in signatures] == [1, 2, 1]


def test_a_secret_that_cannot_be_opened_is_told_in_the_attempt_and_tried_later(post: Post) -> None:
    endpoint = post.add_endpoint()
    post.happen(post.add_payment(), EventKind.PAYMENT_FUNDED)
    wrong = SecretBox(new_key(b"x" * 32))
    Deliverer(post.store, wrong, post.poster, lambda: post.moment[0]).step()
    assert post.poster.posted == []
    with post.store.read() as tx:
        (report,) = tx.outbox.deliveries(endpoint).items
    assert "EARNEST_SECRET_KEY" in (report.attempts[0].error or "")
    post.wait_until_due()
    assert post.deliverer.step() == 1


def test_the_loop_keeps_several_tries_in_flight_and_ends_when_told(post: Post) -> None:
    """One endpoint that hangs holds one worker; the others' webhooks arrive meanwhile."""
    post.add_endpoint("https://hangs.example/")
    release, arrived = Event(), Event()

    def behave(url: str, _headers: dict[str, str], _body: bytes) -> Answer:
        if "hangs" in url:
            release.wait(20)
        elif len([each for each, _, _ in post.poster.posted if "quick" in each]) == 3:
            arrived.set()
        return Answer(200)

    post.poster.behave = behave
    post.add_endpoint("https://quick.example/")
    for number in (1, 2, 3):
        post.happen(post.add_payment(number), EventKind.PAYMENT_FUNDED)
    stop = Event()
    loop = Thread(target=post.deliverer.run, args=(stop,))
    loop.start()
    try:
        assert arrived.wait(20)
        assert not release.is_set()
    finally:
        stop.set()
        release.set()
        loop.join(20)
    assert not loop.is_alive()


def test_the_loop_outlives_a_database_that_is_away_for_a_while(post: Post) -> None:
    from earnest.store.errors import DatabaseUnavailable  # noqa: PLC0415

    post.add_endpoint()
    post.happen(post.add_payment(), EventKind.PAYMENT_FUNDED)
    stop, refusals = Event(), [0]

    def clock() -> int:
        if refusals[0] < 1:
            refusals[0] += 1
            raise DatabaseUnavailable("away")
        return post.moment[0]

    def stop_at_the_first(_url: str, _headers: dict[str, str], _body: bytes) -> Answer:
        stop.set()
        return Answer(200)

    post.poster.behave = stop_at_the_first
    loop = Thread(target=Deliverer(post.store, post.secrets, post.poster, clock).run, args=(stop,))
    loop.start()
    loop.join(20)
    assert not loop.is_alive()
    assert len(post.poster.posted) == 1

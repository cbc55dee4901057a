"""Notifications and their way to the endpoints."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Final

import pytest

from earnest.payment.errors import InvalidInput, NotFound
from earnest.payment.primitives import Hash32
from earnest.store import Store
from earnest.store.errors import ClaimLost
from earnest.store.outbox_adding import FEW
from earnest.store.records import Attempt, Delivery, DeliveryState, Endpoint, Notification
from tests.support.ledger import CHAIN_ID, MERCHANT, START, digest

OTHER = replace(MERCHANT, id="mer_2")
ENDPOINT = Endpoint("we_1", MERCHANT.id, "https://shop.test/hook", frozenset(), b"secret", START)
LEASE = 30


def notification(payment: int = 1, version: int = 1, type_: str = "payment.funded", **changes: str) -> Notification:
    merchant = changes.get("merchant_id", MERCHANT.id)
    payload = {"type": type_, "data": {"version": version, "name": "Käse 🧀", "amount": "1" * 78, "none": None}}
    id_ = f"msg_{payment}_{version}"
    return Notification(id_, merchant, CHAIN_ID, Hash32(digest(str(payment))), version, type_, payload, START)


EITHER_WAY: Final = pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
"""Along with other things, as with each block, a few go as values of their own."""


def write(
    store: Store, *notifications: Notification, endpoints: Sequence[Endpoint] = (), together: bool = False
) -> None:
    with store.transaction() as tx:
        for endpoint in endpoints:
            tx.endpoints.add(endpoint)
        with tx.together() if together else nullcontext():
            tx.outbox.add(notifications)


def claim(store: Store, now: int = START, limit: int = 10) -> list[tuple[Delivery, Notification, Endpoint]]:
    with store.transaction() as tx:
        return list(tx.outbox.claim(now, limit, LEASE))


def claimed_ids(store: Store, now: int = START, limit: int = 10) -> list[str]:
    return [told.id for _, told, _ in claim(store, now, limit)]


def record(
    store: Store, notification_id: str, state: DeliveryState, *, retry_at: int | None = None, at: int = START
) -> None:
    attempt = Attempt(notification_id, ENDPOINT.id, 1, at, 500, "oh", 12)
    with store.transaction() as tx:
        tx.outbox.record(attempt, state, retry_at=retry_at)


def states(store: Store, endpoint_id: str = ENDPOINT.id) -> dict[str, tuple[str, int, int]]:
    with store.read() as tx:
        reports = tx.outbox.deliveries(endpoint_id, limit=100).items
    return {
        each.notification.id: (str(each.delivery.state), each.delivery.attempts, len(each.attempts)) for each in reports
    }


def test_a_notification_comes_back_as_it_was(store: Store) -> None:
    write(store, notification())
    with store.read() as tx:
        assert tx.outbox.get("msg_1_1") == notification()
        assert tx.outbox.get("msg_nothing") is None


@EITHER_WAY
def test_it_goes_to_each_enabled_endpoint_of_its_merchant_that_wants_its_type(store: Store, together: bool) -> None:
    with store.transaction() as tx:
        tx.merchants.add(OTHER)
    endpoints = [
        ENDPOINT,
        replace(ENDPOINT, id="we_wants_it", types=frozenset({"payment.funded", "payment.expired"})),
        replace(ENDPOINT, id="we_wants_another", types=frozenset({"payment.released"})),
        replace(ENDPOINT, id="we_disabled", disabled_at=START),
        replace(ENDPOINT, id="we_of_another", merchant_id=OTHER.id),
    ]
    write(store, notification(), endpoints=endpoints, together=together)
    assert {endpoint.id for _, _, endpoint in claim(store)} == {"we_1", "we_wants_it"}


@EITHER_WAY
def test_a_type_is_wanted_as_a_whole(store: Store, together: bool) -> None:
    types = [{"payment.fund"}, {"payment.funded_twice", "ayment.funded"}, {"payment.expired", "payment.funded"}]
    endpoints = [replace(ENDPOINT, id=f"we_{at}", types=frozenset(each)) for at, each in enumerate(types)]
    write(store, notification(), endpoints=endpoints, together=together)
    assert [endpoint.id for _, _, endpoint in claim(store)] == ["we_2"]


@EITHER_WAY
def test_whatever_a_payload_holds_comes_back_as_it_was(store: Store, together: bool) -> None:
    odd = {"%s": ":told", "'\"\\": [1.5, -(2**53), True], "\x00\n\u2028": "\x00", "deep": {"": [{}, [], None]}}
    write(store, replace(notification(), payload=odd), together=together)
    with store.read() as tx:
        told = tx.outbox.get("msg_1_1")
    assert told is not None
    assert told.payload == odd


def test_a_few_along_with_other_things_keep_their_order_and_those_that_were_there_stay(store: Store) -> None:
    every = [notification(number) for number in range(FEW + 1)]
    write(store, every[3], endpoints=[ENDPOINT])
    write(store, *every[:FEW], together=True)
    write(store, *every, together=True)
    with store.read() as tx:
        told = [each.id for _, each in tx.news.after(MERCHANT.id, 0, 1_000)]
    assert told == [each.id for each in (every[3], *every[:3], *every[4:])]
    assert set(claimed_ids(store, limit=1_000)) == set(told)


def test_hundreds_at_once_keep_their_order_and_those_that_were_there_stay(store: Store) -> None:
    every = [notification(number) for number in range(400)]
    write(store, *every[200:300])
    with store.transaction(in_bulk=True) as tx:
        tx.endpoints.add(ENDPOINT)
        tx.outbox.add([*every, every[0]])
    with store.read() as tx:
        told = [each.id for _, each in tx.news.after(MERCHANT.id, 0, 1_000)]
    assert told == [each.id for each in (*every[200:300], *every[:200], *every[300:])]
    assert set(claimed_ids(store, limit=1_000)) == {each.id for each in (*every[:200], *every[300:])}


@EITHER_WAY
def test_the_same_notification_again_changes_nothing(store: Store, together: bool) -> None:
    write(store, notification(), endpoints=[ENDPOINT], together=together)
    assert claimed_ids(store) == ["msg_1_1"]
    record(store, "msg_1_1", DeliveryState.DELIVERED)
    younger = replace(ENDPOINT, id="we_younger")
    write(store, notification(), notification(version=2), endpoints=[younger], together=together)
    assert {(told.id, endpoint.id) for _, told, endpoint in claim(store)} == {
        ("msg_1_2", "we_1"),
        ("msg_1_2", "we_younger"),
    }


def test_a_claimed_delivery_is_nobody_else_s_until_the_lease_is_over(store: Store) -> None:
    write(store, notification(), endpoints=[ENDPOINT])
    ((delivery, told, endpoint),) = claim(store)
    assert (delivery.claimed_until, delivery.attempts, delivery.state) == (START + LEASE, 0, DeliveryState.PENDING)
    assert (told, endpoint) == (notification(), ENDPOINT)
    assert claim(store, START + LEASE - 1) == []
    assert claimed_ids(store, START + LEASE) == ["msg_1_1"]


def test_deliveries_of_one_payment_are_in_order_and_others_go_ahead(store: Store) -> None:
    write(store, *(notification(1, version) for version in (1, 2, 3)), notification(2), endpoints=[ENDPOINT])
    assert sorted(claimed_ids(store)) == ["msg_1_1", "msg_2_1"]
    assert claimed_ids(store) == []
    record(store, "msg_1_1", DeliveryState.PENDING, retry_at=START + 5)
    assert claimed_ids(store) == []
    assert claimed_ids(store, START + 5) == ["msg_1_1"]
    record(store, "msg_1_1", DeliveryState.DELIVERED)
    assert claimed_ids(store, START + 5) == ["msg_1_2"]
    record(store, "msg_1_2", DeliveryState.DEAD)
    assert claimed_ids(store, START + 5) == ["msg_1_3"], "what is given up holds nothing back"


def test_two_endpoints_do_not_wait_for_each_other(store: Store) -> None:
    other = replace(ENDPOINT, id="we_2")
    write(store, notification(version=1), notification(version=2), endpoints=[ENDPOINT, other])
    assert len(claim(store)) == 2
    record(store, "msg_1_1", DeliveryState.DELIVERED)
    ((_, told, endpoint),) = claim(store)
    assert (told.id, endpoint.id) == ("msg_1_2", ENDPOINT.id)


def test_the_limit_is_kept_and_what_is_due_first_comes_first(store: Store) -> None:
    write(store, *(notification(number) for number in range(5)), endpoints=[ENDPOINT])
    for number in range(5):
        claim(store, limit=1)
        record(store, f"msg_{number}_1", DeliveryState.PENDING, retry_at=START + 100 - number)
    due = claimed_ids(store, START + 100, limit=2)
    assert len(due) == 2
    assert set(due) == {"msg_4_1", "msg_3_1"}


def test_a_disabled_endpoint_gets_nothing_and_gets_it_once_enabled_again(store: Store) -> None:
    write(store, notification(), endpoints=[ENDPOINT])
    with store.transaction() as tx:
        tx.endpoints.disable(ENDPOINT.id, START, "410 Gone")
    assert claim(store) == []
    with store.transaction() as tx:
        tx.endpoints.update(ENDPOINT)
    assert claimed_ids(store) == ["msg_1_1"]


def test_each_attempt_is_kept_with_its_number(store: Store) -> None:
    write(store, notification(), endpoints=[ENDPOINT])
    claim(store)
    record(store, "msg_1_1", DeliveryState.PENDING, retry_at=START + 5)
    record(store, "msg_1_1", DeliveryState.DELIVERED, at=START + 6)
    with store.read() as tx:
        (report,) = tx.outbox.deliveries(ENDPOINT.id).items
    assert (report.delivery.state, report.delivery.attempts) == (DeliveryState.DELIVERED, 2)
    assert report.delivery.claimed_until is None
    assert [(each.number, each.at, each.status_code, each.error, each.duration_ms) for each in report.attempts] == [
        (1, START, 500, "oh", 12),
        (2, START + 6, 500, "oh", 12),
    ]


def test_what_was_delivered_stays_so_when_a_slow_worker_reports_later(store: Store) -> None:
    write(store, notification(), endpoints=[ENDPOINT])
    claim(store)
    record(store, "msg_1_1", DeliveryState.DELIVERED)
    record(store, "msg_1_1", DeliveryState.PENDING, retry_at=START)
    assert states(store) == {"msg_1_1": ("delivered", 2, 2)}
    assert claim(store) == []


def test_an_attempt_at_a_deleted_endpoint_is_told_as_not_found(store: Store) -> None:
    write(store, notification(), endpoints=[ENDPOINT])
    claim(store)
    record(store, "msg_1_1", DeliveryState.PENDING, retry_at=START)
    with store.transaction() as tx:
        assert tx.endpoints.delete(MERCHANT.id, ENDPOINT.id)
    with pytest.raises(NotFound):
        record(store, "msg_1_1", DeliveryState.DELIVERED)
    assert states(store) == {}
    with store.read() as tx:
        assert tx.outbox.get("msg_1_1") is not None


def test_dead_ones_are_replayed_and_counted_anew(store: Store) -> None:
    write(store, *(notification(number) for number in range(3)), endpoints=[ENDPOINT])
    claim(store)
    record(store, "msg_0_1", DeliveryState.DEAD)
    record(store, "msg_1_1", DeliveryState.DEAD)
    record(store, "msg_2_1", DeliveryState.DELIVERED)
    with store.transaction() as tx:
        assert tx.outbox.replay(ENDPOINT.id, START + 9) == 2
        assert tx.outbox.replay(ENDPOINT.id, START + 9) == 0
    assert sorted(claimed_ids(store, START + 9)) == ["msg_0_1", "msg_1_1"]
    record(store, "msg_0_1", DeliveryState.DELIVERED)
    assert states(store) == {
        "msg_0_1": ("delivered", 1, 2),
        "msg_1_1": ("pending", 0, 1),
        "msg_2_1": ("delivered", 1, 1),
    }


def test_named_ones_are_replayed_whatever_became_of_them(store: Store) -> None:
    with store.transaction() as tx:
        tx.merchants.add(OTHER)
    write(store, notification(0))
    write(store, notification(1), notification(2), endpoints=[ENDPOINT])
    write(store, notification(3, merchant_id=OTHER.id))
    claim(store)
    record(store, "msg_1_1", DeliveryState.DELIVERED)
    with store.transaction() as tx:
        names = ["msg_0_1", "msg_1_1", "msg_2_1", "msg_3_1", "msg_9_9"]
        # One was never to go there, one is delivered; one is on its way, one is another's, one does not exist.
        assert tx.outbox.replay(ENDPOINT.id, START, names) == 2
    assert sorted(claimed_ids(store)) == ["msg_0_1", "msg_1_1"]


def test_notifications_are_listed_newest_first(store: Store) -> None:
    write(store, *(notification(1, version) for version in range(1, 6)), notification(2))
    with store.read() as tx:
        page = tx.outbox.page(MERCHANT.id, limit=4)
        assert [each.id for each in page.items] == ["msg_2_1", "msg_1_5", "msg_1_4", "msg_1_3"]
        rest = tx.outbox.page(MERCHANT.id, limit=4, cursor=page.next_cursor)
        assert [each.id for each in rest.items] == ["msg_1_2", "msg_1_1"]
        assert not rest.has_more
        assert [each.id for each in tx.outbox.page(MERCHANT.id, payment_id=digest("2")).items] == ["msg_2_1"]
        assert tx.outbox.page("mer_2").items == []
        with pytest.raises(InvalidInput):
            tx.outbox.page(MERCHANT.id, cursor="nonsense")


def test_deliveries_are_listed_newest_first_and_by_state(store: Store) -> None:
    write(store, *(notification(number) for number in range(5)), endpoints=[ENDPOINT])
    claim(store)
    record(store, "msg_3_1", DeliveryState.DEAD)
    with store.read() as tx:
        page = tx.outbox.deliveries(ENDPOINT.id, limit=3)
        assert [each.notification.id for each in page.items] == ["msg_4_1", "msg_3_1", "msg_2_1"]
        rest = tx.outbox.deliveries(ENDPOINT.id, limit=3, cursor=page.next_cursor)
        assert [each.notification.id for each in rest.items] == ["msg_1_1", "msg_0_1"]
        dead = tx.outbox.deliveries(ENDPOINT.id, state=DeliveryState.DEAD)
        assert [each.notification.id for each in dead.items] == ["msg_3_1"]


def test_workers_at_once_never_get_the_same_delivery(store: Store) -> None:
    write(store, *(notification(number) for number in range(60)), endpoints=[ENDPOINT])
    taken: list[str] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while mine := claimed_ids(store, limit=5):
                taken.extend(mine)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(taken) == sorted(f"msg_{number}_1" for number in range(60))


def beat(store: Store, process: str, lease_seconds: float = 30.0) -> None:
    with store.transaction() as tx:
        tx.processes.beat(process, process, lease_seconds)


def claimed_by(store: Store, process: str) -> Delivery:
    with store.transaction() as tx:
        ((delivery, _, _),) = tx.outbox.claim(START, 10, LEASE, by=process)
    return delivery


def test_what_a_process_claimed_is_others_as_soon_as_it_falls_silent_or_leaves(store: Store) -> None:
    write(store, notification(), endpoints=[ENDPOINT])
    beat(store, "one")
    assert claimed_by(store, "one").claimed_by == "one"
    assert claimed_ids(store) == []
    beat(store, "one", lease_seconds=0.001)
    time.sleep(0.02)
    beat(store, "two")
    assert claimed_by(store, "two").claims == 2
    assert claimed_ids(store) == []
    with store.transaction() as tx:
        tx.processes.leave("two")
    assert claimed_ids(store) == ["msg_1_1"]


def test_a_worker_that_wakes_up_does_not_record_over_a_newer_claim(store: Store) -> None:
    write(store, notification(), notification(version=2), endpoints=[ENDPOINT])
    old = claimed_by(store, "gone at once")
    beat(store, "two")
    new = claimed_by(store, "two")
    beat(store, "gone at once")
    attempt = Attempt("msg_1_1", ENDPOINT.id, 1, START, 500, "oh", 12)
    with pytest.raises(ClaimLost), store.transaction() as tx:
        tx.outbox.record(attempt, DeliveryState.DEAD, claim=old.claims)
    with store.transaction() as tx:
        tx.outbox.give_back("msg_1_1", ENDPOINT.id, old.claims)
    assert states(store)["msg_1_1"] == ("pending", 0, 0)
    assert claimed_ids(store) == [], "the newer claim stands, and what comes later waits for it"
    with store.transaction() as tx:
        tx.outbox.record(attempt, DeliveryState.DELIVERED, claim=new.claims)
    assert claimed_ids(store) == ["msg_1_2"]


def test_a_claim_that_is_given_back_is_due_as_it_was(store: Store) -> None:
    write(store, notification(), endpoints=[ENDPOINT])
    beat(store, "one")
    claim_ = claimed_by(store, "one")
    with store.transaction() as tx:
        tx.outbox.give_back("msg_1_1", ENDPOINT.id, claim_.claims)
    assert states(store) == {"msg_1_1": ("pending", 0, 0)}
    assert claimed_ids(store) == ["msg_1_1"]


def test_on_postgresql_a_claim_does_not_wait_for_another_claim(store: Store, request: pytest.FixtureRequest) -> None:
    if "sqlite" in request.node.name:
        return  # one writer at a time is all there is
    write(store, *(notification(number) for number in range(4)), endpoints=[ENDPOINT])
    with store.transaction() as one:
        first = one.outbox.claim(START, 2, LEASE)
        with store.transaction() as other:
            second = other.outbox.claim(START, 4, LEASE)
    assert len({told.id for _, told, _ in first} | {told.id for _, told, _ in second}) == 4

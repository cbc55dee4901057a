"""Streams against a real server: what a reader hears over broken connections, and what a stream costs."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread

import httpx
import pytest

from earnest.api import Limits
from earnest.commands.revoke_key import revoke_key
from earnest.commands.scopes import SCOPES
from earnest.payment.events import EventKind
from tests.integration.api.serving import Reader, Served, served
from tests.support.ledger import MERCHANT
from tests.unit.api.house import House, open_house

LIMITS = Limits(
    key_burst=10_000,
    public_burst=10_000,
    streams=400,
    streams_per_merchant=300,
    streams_per_address=3,
    stream_keep_alive_seconds=0.3,
)


@pytest.fixture
def service() -> Iterator[Served]:
    with open_house(limits=LIMITS) as house, served(house) as at:
        yield at


def listen(service: Served, last_id: str | None = None, key: str | None = None) -> Reader:
    headers = service.headers(key) | ({"Last-Event-ID": last_id} if last_id else {})
    return Reader(f"{service.url}/v1/stream", headers)


def watch(service: Served, payment_id: str, last_id: str | None = None) -> Reader:
    headers = {"Last-Event-ID": last_id} if last_id else {}
    return Reader(f"{service.url}/v1/checkout/{payment_id}/stream", headers)


def all_ids(house: House) -> list[str]:
    found: list[str] = []
    cursor = ""
    while True:
        page = house.get(f"/v1/events?limit=100{cursor}").json()
        found += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            return found[::-1]
        cursor = f"&cursor={page['next_cursor']}"


def test_a_merchant_hears_what_happens_as_his_webhooks_would(service: Served) -> None:
    payment = service.house.create(order_reference="A-1")["id"]
    with listen(service) as reader:
        reader.wait(lambda r: r.last_id is not None)
        assert "content-type: text/event-stream" in reader.answer.lower()
        service.house.happen(payment, EventKind.PAYMENT_FUNDED)
        reader.wait(lambda r: len(r.events) == 1)
        service.house.happen(payment, EventKind.DELIVERY_CONFIRMED)
        reader.wait(lambda r: len(r.events) == 2)
    assert [each.event for each in reader.events] == ["payment.funded", "payment.delivered"]
    listed = service.house.get("/v1/events").json()["data"][::-1]
    assert [json.loads(each.data) for each in reader.events] == listed
    assert [each.id for each in reader.events] == [each["id"] for each in listed]


def test_nothing_is_lost_and_nothing_comes_twice_over_broken_connections(service: Served) -> None:
    house, chance = service.house, random.Random(7)
    payments = [house.create()["id"] for _ in range(30)]

    def live() -> None:
        for number, payment in enumerate(payments):
            house.happen(payment, EventKind.PAYMENT_FUNDED)
            if number % 3 == 0:
                house.happen(payment, EventKind.DELIVERY_CONFIRMED)
            time.sleep(0.03)  # so that it lasts for longer than some connections

    heard, last_id = [], None
    life = Thread(target=live)
    for broken in range(100):
        with listen(service, last_id) as reader:
            reader.wait(lambda r: r.last_id is not None)
            if broken == 0:
                life.start()
            time.sleep(chance.random() * 0.15)
        heard += [each.id for each in reader.events]
        last_id = reader.last_id
        if not life.is_alive() and heard == all_ids(house):
            break
    life.join()
    assert len(all_ids(house)) == 40
    assert heard == all_ids(house)
    assert broken >= 3


def test_a_connection_that_breaks_before_the_first_event_loses_nothing(service: Served) -> None:
    payment = service.house.create()["id"]
    with listen(service) as reader:
        reader.wait(lambda r: r.last_id is not None)
    assert reader.events == []
    service.house.happen(payment, EventKind.PAYMENT_FUNDED)
    with listen(service, reader.last_id) as again:
        again.wait(lambda r: len(r.events) == 1)
    with listen(service, again.last_id) as third:
        third.wait(lambda r: r.comments >= 1)
    assert third.events == []


def test_another_merchants_events_are_not_heard_and_his_ids_are_no_positions(service: Served) -> None:
    house = service.house
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
    stranger = house.new_key(*SCOPES, merchant="mer_2")
    payment = house.create()["id"]
    with listen(service, key=stranger) as theirs, listen(service) as ours:
        theirs.wait(lambda r: r.last_id is not None)
        ours.wait(lambda r: r.last_id is not None)
        house.happen(payment, EventKind.PAYMENT_FUNDED)
        ours.wait(lambda r: len(r.events) == 1)
        theirs.wait(lambda r: r.comments >= 2)
    assert theirs.events == []
    refused = httpx.get(
        f"{service.url}/v1/stream", headers=service.headers(stranger) | {"Last-Event-ID": ours.events[0].id}
    )
    assert (refused.status_code, refused.json()["param"]) == (422, "Last-Event-ID")


def test_a_buyer_sees_his_payment_move_and_go_back_with_a_reorg(service: Served) -> None:
    house = service.house
    payment = house.create(order_reference="<b>secret</b>")["id"]
    with watch(service, payment) as page:
        page.wait(lambda r: len(r.events) == 1)
        house.happen(payment, EventKind.PAYMENT_FUNDED)
        page.wait(lambda r: len(r.events) == 2)
        orphaned, _ = house.chain.drop(1)
        house.tell(orphaned, house.chain.mine())
        page.wait(lambda r: len(r.events) == 3)
    shown = [json.loads(each.data) for each in page.events]
    assert [each["status"] for each in shown] == ["created", "funded", "created"]
    assert shown[0].keys() == house.get(f"/v1/checkout/{payment}", key=None).json().keys()
    assert "secret" not in "".join(each.data for each in page.events)
    assert {each.event for each in page.events} == {"payment"}


def test_a_page_that_comes_back_is_told_only_what_it_does_not_have(service: Served) -> None:
    payment = service.house.create()["id"]
    with watch(service, payment) as page:
        page.wait(lambda r: len(r.events) == 1)
    with watch(service, payment, page.last_id) as again:
        again.wait(lambda r: r.comments >= 2)
        assert again.events == []
        service.house.happen(payment, EventKind.PAYMENT_FUNDED)
        again.wait(lambda r: len(r.events) == 1)


def test_readers_go_on_where_they_were_after_the_service_was_stopped_and_started_anew() -> None:
    with open_house(limits=LIMITS) as house:
        payment = house.create()["id"]
        with served(house) as first, listen(first) as merchant, watch(first, payment) as buyer:
            merchant.wait(lambda r: r.last_id is not None)
            house.happen(payment, EventKind.PAYMENT_FUNDED)
            merchant.wait(lambda r: len(r.events) == 1)
            buyer.wait(lambda r: len(r.events) >= 1 and json.loads(r.events[-1].data)["status"] == "funded")
            first.stop.set()
            merchant.wait(lambda r: r.ended)
            buyer.wait(lambda r: r.ended)
        house.happen(payment, EventKind.DELIVERY_CONFIRMED)  # while nobody serves
        with (
            served(house) as second,
            listen(second, merchant.last_id) as merchant_again,
            watch(second, payment, buyer.last_id) as buyer_again,
        ):
            merchant_again.wait(lambda r: len(r.events) == 1)
            buyer_again.wait(lambda r: len(r.events) == 1)
            house.happen(payment, EventKind.PAYMENT_RELEASED)
            merchant_again.wait(lambda r: len(r.events) == 2)
            buyer_again.wait(lambda r: len(r.events) == 2)
        assert [each.id for each in (*merchant.events, *merchant_again.events)] == all_ids(house)
        assert [json.loads(each.data)["status"] for each in buyer_again.events] == ["delivered", "released"]


def test_an_address_has_so_many_streams_and_gets_one_back_as_soon_as_it_leaves_one(service: Served) -> None:
    payment = service.house.create()["id"]
    readers = [watch(service, payment) for _ in range(3)]
    for each in readers:
        each.wait(lambda r: len(r.events) == 1)
    refused = httpx.get(f"{service.url}/v1/checkout/{payment}/stream")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
    assert refused.headers["retry-after"]
    readers[0].leave()
    for _ in range(100):
        with watch(service, payment) as another:
            another.wait(lambda r: r.status is not None)
            if another.status == 200:
                break
    assert another.status == 200
    for each in readers:
        each.leave()


def test_open_streams_hold_no_threads(service: Served) -> None:
    before = threading.active_count()
    readers = [listen(service) for _ in range(150)]
    for each in readers:
        each.wait(lambda r: r.last_id is not None)
    mine = len(readers)
    # The server's pool has forty threads at the most, and answers others while all these are open.
    assert threading.active_count() - before - mine <= 45
    started = time.monotonic()
    assert httpx.get(f"{service.url}/health/live").status_code == 200
    assert time.monotonic() - started < 5
    payment = service.house.create()["id"]
    service.house.happen(payment, EventKind.PAYMENT_FUNDED)
    for each in readers:
        each.wait(lambda r: len(r.events) == 1)
    for each in readers:
        each.leave()


def test_a_key_that_was_revoked_hears_no_more(service: Served) -> None:
    house = service.house
    key = house.new_key("webhooks:read")
    with listen(service, key=key) as reader:
        reader.wait(lambda r: r.last_id is not None)
        key_id = next(each["id"] for each in house.get("/v1/keys").json()["data"] if key.startswith(each["prefix"]))
        revoke_key(house.store, MERCHANT.id, key_id, house.moment[0])
        reader.wait(lambda r: r.ended)


def test_streams_end_at_once_when_the_service_stops(service: Served) -> None:
    with listen(service) as reader:
        reader.wait(lambda r: r.last_id is not None)
        started = time.monotonic()
        service.stop.set()
        reader.wait(lambda r: r.ended)
        assert time.monotonic() - started < 3
    refused = httpx.get(f"{service.url}/v1/stream", headers=service.headers())
    assert (refused.status_code, refused.json()["code"]) == (503, "streams_not_running")

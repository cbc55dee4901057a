"""Webhook endpoints from the API to a real receiver: tests, rotation, ranges, dead letters."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from earnest.payment.events import EventKind
from earnest.testing.webhook_receiver import WebhookReceiver
from earnest.webhooks.deliver import Deliverer
from earnest.webhooks.post import Poster
from earnest.webhooks.retry import MAX_TRIES
from tests.unit.api.house import House, open_house


@dataclass
class Town:
    """A house whose webhooks are really delivered, and a shop that gets them."""

    house: House
    shop: WebhookReceiver
    deliverer: Deliverer

    def add(self, **body: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.house.post("/v1/webhook_endpoints", {"url": self.shop.url, **body}).json()
        self.shop.trust(made["secret"])
        return made

    def fund(self) -> str:
        payment = str(self.house.create()["id"])
        self.house.happen(payment, EventKind.PAYMENT_FUNDED)
        return payment

    def deliver(self) -> None:
        while self.deliverer.step():
            pass

    def came(self) -> list[tuple[str, bool]]:
        return [(each.id, each.verified) for each in self.shop.received]


@pytest.fixture
def town() -> Iterator[Town]:
    with open_house(allow_private=True) as house, WebhookReceiver() as shop:
        # Signatures carry the time, and the receiver compares it with its own clock.
        house.moment[0] = int(time.time())
        poster = Poster(allow_private=True, timeout_seconds=5)
        yield Town(house, shop, Deliverer(house.store, house.services.secrets, poster, lambda: house.moment[0]))


def test_the_test_button_reaches_the_shop_and_verifies(town: Town) -> None:
    made = town.add()
    told = town.house.post(f"/v1/webhook_endpoints/{made['id']}/test").json()
    assert (told["arrived"], told["status_code"]) == (True, 200)
    (came,) = town.shop.received
    assert (came.id, came.type, came.verified) == (told["id"], "endpoint.test", True)
    town.shop.fail(status=503)
    assert town.house.post(f"/v1/webhook_endpoints/{made['id']}/test").json()["status_code"] == 503


def test_the_test_button_goes_nowhere_where_webhooks_do_not() -> None:
    with open_house() as house, WebhookReceiver() as shop:
        made = house.post("/v1/webhook_endpoints", {"url": "https://shop.invalid/hooks"}).json()
        told = house.post(f"/v1/webhook_endpoints/{made['id']}/test").json()
        assert (told["arrived"], told["status_code"]) == (False, None)
        assert "cannot be resolved" in told["error"]
        assert shop.received == []


def test_a_shop_that_changes_its_secret_a_day_late_loses_nothing(town: Town) -> None:
    made = town.add()
    rotated = town.house.post(f"/v1/webhook_endpoints/{made['id']}/rotate_secret", {}).json()
    with WebhookReceiver(rotated["secret"]) as changed_over:
        town.fund()
        town.deliver()
        assert [verified for _, verified in town.came()] == [True]  # the shop still knows the former secret alone
        path = f"/v1/webhook_endpoints/{made['id']}"
        town.house.call("PATCH", path, json={"url": changed_over.url})
        town.fund()
        town.deliver()
        assert [each.verified for each in changed_over.received] == [True]


def test_dead_letters_are_listed_and_arrive_after_a_replay(town: Town) -> None:
    made = town.add()
    town.fund()
    town.shop.fail(times=MAX_TRIES)
    for _ in range(MAX_TRIES):
        town.deliver()
        town.house.moment[0] += 2 * 86_400
    path = f"/v1/webhook_endpoints/{made['id']}"
    (dead,) = town.house.get(f"{path}/deliveries?state=dead").json()["data"]
    assert len(dead["attempts"]) == MAX_TRIES
    assert {each["status_code"] for each in dead["attempts"]} == {500}
    assert town.house.post(f"{path}/replay", {}).json() == {"replayed": 1}
    town.deliver()
    assert town.house.get(f"{path}/deliveries?state=dead").json()["data"] == []
    assert {id_ for id_, _ in town.came()} == {dead["notification_id"]}


def test_a_shop_that_lost_its_database_gets_a_range_again_in_order(town: Town) -> None:
    made = town.add()
    payment = town.fund()
    town.house.happen(payment, EventKind.DELIVERY_CONFIRMED)
    town.deliver()
    first = town.came()
    at = town.shop.received[0].body["timestamp"]
    answer = town.house.post(f"/v1/webhook_endpoints/{made['id']}/replay", {"from": at})
    assert answer.json() == {"replayed": 2}
    town.deliver()
    assert town.came() == [*first, *first]
    assert [each.body["data"]["version"] for each in town.shop.received] == [1, 2, 1, 2]

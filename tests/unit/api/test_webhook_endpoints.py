"""Webhook endpoints, their deliveries, and notifications."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from earnest.api.schemas import webhooks as shapes
from earnest.payment.events import EventKind
from earnest.store.records import Attempt, DeliveryState
from earnest.webhooks.retry import Answer
from tests.unit.api.house import House, open_house

URL = "https://shop.example/hooks"


def add(house: House, **body: Any) -> dict[str, Any]:
    answer = house.post("/v1/webhook_endpoints", {"url": URL, **body})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def fund(house: House) -> str:
    payment = str(house.create()["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def test_an_endpoints_secret_is_shown_once(house: House) -> None:
    made = add(house, types=["payment.funded"])
    shapes.EndpointWithSecret.model_validate(made)
    assert made["secret"].startswith("whsec_")
    told = house.get(f"/v1/webhook_endpoints/{made['id']}").json()
    shapes.Endpoint.model_validate(told)
    assert "secret" not in told
    assert made["secret"] not in house.get("/v1/webhook_endpoints").text


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "http://shop.example/"}, "invalid_webhook_url"),
        ({"url": "ftp://shop.example/"}, "invalid_webhook_url"),
        ({"url": "https://user:pw@shop.example/"}, "invalid_webhook_url"),
        ({"url": "https://127.0.0.1/"}, "webhook_target_refused"),
        ({"url": "https://[::1]/"}, "webhook_target_refused"),
        ({"url": "https://localhost/"}, "webhook_target_refused"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "webhook_target_refused"),
        ({"url": "https://"}, "invalid_webhook_url"),
        ({"url": "shop.example"}, "invalid_webhook_url"),
        ({"url": URL, "types": ["payment.paid"]}, "invalid_input"),
        ({"url": URL, "secret": "whsec_mine"}, "unknown_field"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused(shared: House, body: dict[str, Any], code: str) -> None:
    answer = shared.post("/v1/webhook_endpoints", body)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert shared.get("/v1/webhook_endpoints").json()["data"] == []


def test_an_endpoint_is_changed_switched_off_on_and_deleted(house: House) -> None:
    path = f"/v1/webhook_endpoints/{add(house)['id']}"

    def patch(**body: Any) -> Any:
        return house.call("PATCH", path, json=body).json()

    assert patch(url="https://other.example/x")["url"] == "https://other.example/x"
    assert patch(types=["payment.refunded"])["types"] == ["payment.refunded"]
    assert (patch(enabled=False)["enabled"], patch()["enabled"], patch(enabled=True)["enabled"]) == (False, False, True)
    assert patch(url="http://other.example/")["code"] == "invalid_webhook_url"
    assert house.call("DELETE", path).json()["deleted"] is True
    assert house.call("DELETE", path).status_code == 404


def test_an_endpoint_has_a_new_secret_after_a_rotation(house: House) -> None:
    made = add(house)
    rotated = house.post(f"/v1/webhook_endpoints/{made['id']}/rotate_secret").json()
    shapes.EndpointWithSecret.model_validate(rotated)
    assert (rotated["id"], rotated["secret"] == made["secret"]) == (made["id"], False)


def test_a_merchant_has_at_most_twenty_endpoints(house: House) -> None:
    for _ in range(20):
        add(house)
    assert house.post("/v1/webhook_endpoints", {"url": URL}).json()["code"] == "too_many"


def test_notifications_are_listed_as_webhooks_carry_them(house: House) -> None:
    payment = fund(house)
    listed = house.get("/v1/events").json()
    (event,) = listed["data"]
    shapes.Event.model_validate(event)
    assert (event["type"], event["data"]["id"], event["data"]["version"]) == ("payment.funded", payment, 1)
    assert house.get(f"/v1/events/{event['id']}").json() == event
    assert house.get(f"/v1/events?payment={payment}").json()["data"] == [event]
    assert house.get("/v1/events?payment=0x" + "ab" * 32).json()["data"] == []
    assert house.get("/v1/events/msg_x").status_code == 404


def test_deliveries_are_listed_with_every_attempt_and_can_be_sent_again(house: House) -> None:
    endpoint = add(house)["id"]
    fund(house)
    path = f"/v1/webhook_endpoints/{endpoint}"
    (pending,) = house.get(f"{path}/deliveries").json()["data"]
    shapes.Delivery.model_validate(pending)
    assert (pending["state"], pending["attempts"]) == ("pending", [])
    message = pending["notification_id"]
    with house.store.transaction() as tx:
        tx.outbox.record(Attempt(message, endpoint, 1, house.moment[0], 500, None, 12), DeliveryState.DEAD)
    (dead,) = house.get(f"{path}/deliveries?state=dead").json()["data"]
    shapes.Delivery.model_validate(dead)
    assert (dead["attempts"][0]["status_code"], dead["next_attempt_at"]) == (500, None)
    assert house.post(f"{path}/replay").json() == {"replayed": 1}
    assert house.get(f"{path}/deliveries").json()["data"][0]["state"] == "pending"


def test_a_younger_endpoint_can_be_sent_older_notifications_by_name(house: House) -> None:
    fund(house)
    (event,) = house.get("/v1/events").json()["data"]
    path = f"/v1/webhook_endpoints/{add(house)['id']}"
    assert house.post(f"{path}/replay", {}).json() == {"replayed": 0}
    assert house.post(f"{path}/replay", {"notification_ids": [event["id"]]}).json() == {"replayed": 1}
    assert house.post(f"{path}/replay", {"notification_ids": ["msg_nobodys"]}).status_code == 404
    assert house.post(f"{path}/replay", {"notification_ids": []}).status_code == 422


def test_a_range_is_sent_again_to_whoever_wants_its_types(house: House) -> None:
    first, second = fund(house), fund(house)
    house.happen(first, EventKind.DELIVERY_CONFIRMED)
    listed = house.get("/v1/events").json()["data"]
    at, after = listed[0]["timestamp"], "2100-01-01T00:00:00Z"
    whole = f"/v1/webhook_endpoints/{add(house)['id']}"
    some = f"/v1/webhook_endpoints/{add(house, types=['payment.delivered'])['id']}"
    assert house.post(f"{whole}/replay", {"from": after}).json() == {"replayed": 0}
    assert house.post(f"{whole}/replay", {"until": at}).json() == {"replayed": 0}
    assert house.post(f"{whole}/replay", {"from": at, "until": after}).json() == {"replayed": 3}
    assert house.post(f"{some}/replay", {"from": at}).json() == {"replayed": 1}
    due = house.get(f"{whole}/deliveries").json()["data"]
    assert [each["notification_id"] for each in due] == [each["id"] for each in listed]
    assert {each["payment"] for each in due} == {first, second}
    for each in due:
        attempt = Attempt(each["notification_id"], whole.rsplit("/", maxsplit=1)[-1], 1, house.moment[0], 200, None, 12)
        with house.store.transaction() as tx:
            tx.outbox.record(attempt, DeliveryState.DELIVERED)
    assert house.post(f"{whole}/replay", {}).json() == {"replayed": 0}
    assert house.post(f"{whole}/replay", {"from": at}).json() == {"replayed": 3}
    both = house.post(f"{whole}/replay", {"from": at, "notification_ids": [listed[0]["id"]]})
    assert (both.status_code, "not both" in both.json()["detail"]) == (422, True)


@dataclass
class FakePoster:
    """Answers as it was told to, and remembers what it was given."""

    answer: Answer
    posted: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    def post(self, url: str, headers: dict[str, str], body: bytes, now: int) -> Answer:
        self.posted.append((url, headers, body))
        return self.answer


@pytest.mark.parametrize("answer", [Answer(204), Answer(500), Answer(307), Answer(error="ConnectError: nobody there")])
def test_a_test_is_one_signed_try_of_which_nothing_is_kept(answer: Answer) -> None:
    poster = FakePoster(answer)
    with open_house(poster=poster) as house:
        made = add(house, types=["payment.funded"])
        path = f"/v1/webhook_endpoints/{made['id']}"
        house.call("PATCH", path, json={"enabled": False})
        told = house.post(f"{path}/test")
        assert told.status_code == 200
        tried = shapes.Tried.model_validate(told.json())
        assert (tried.arrived, tried.status_code, tried.error) == (
            answer == Answer(204),
            answer.status_code,
            answer.error,
        )
        ((url, headers, body),) = poster.posted
        assert (url, json.loads(body)["type"], json.loads(body)["id"]) == (URL, "endpoint.test", tried.id)
        signed = Webhook(made["secret"]).sign(tried.id, datetime.fromtimestamp(house.moment[0], UTC), body.decode())
        assert headers["webhook-signature"] == signed
        assert house.get(f"{path}/deliveries").json()["data"] == house.get("/v1/events").json()["data"] == []
        assert house.post("/v1/webhook_endpoints/we_nobodys/test").status_code == 404

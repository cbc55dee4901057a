"""Every route, for every scope and for every tenant: what is not granted is denied, and nobody reaches another's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from earnest.api import Limits
from earnest.commands.scopes import SCOPES
from earnest.payment.events import EventKind
from tests.support.ledger import MERCHANT, TOKEN
from tests.unit.api.house import House, open_house
from tests.unit.api.test_access import PUBLIC, ROUTES

KEYED = [(method, path, route.access.scope) for method, path, route in ROUTES if (method, path) not in PUBLIC]
URL = "https://shop.example/hooks"
# A body that each route takes, so that nothing but the access can be in the way.
BODIES: dict[str, Any] = {
    "/v1/payments": {"amount": {"value": "1.00", "token": "USDX"}, "order_reference": "his own"},
    "/v1/payments/{id}/release_with_receipt": {"signature": "0x" + "ab" * 65},
    "/v1/payments/confirm_delivery_many": {"payments": ["{payment}"]},
    "/v1/payments/release_many": {"payments": ["{payment}"]},
    "/v1/webhook_endpoints": {"url": URL},
    "/v1/settings": {"tell": [{"finality": "safe"}]},
    "/v1/keys": {"scopes": ["keys:write"]},
    "/v1/test/clock": {"advance_seconds": 1},
}
QUERIES = {"/v1/balances/{name}": f"?token={TOKEN}"}
LOOKED_AT = ("/v1/payments", "/v1/webhook_endpoints", "/v1/keys", "/v1/events", "/v1/settings")
NAMES = {"{name}": "held"}


class Town:
    """Two merchants; the first one has one of everything, the second one knows all its ids."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.payment = str(house.create(order_reference="secret-order")["id"])
        self.endpoint = house.post("/v1/webhook_endpoints", {"url": URL + "?secret-url"}).json()["id"]
        house.happen(self.payment, EventKind.PAYMENT_FUNDED)
        self.event = house.get("/v1/events").json()["data"][0]["id"]
        self.key = house.get("/v1/keys").json()["data"][0]["id"]
        house.node.answers |= {
            "evm_increaseTime": "0x1",
            "evm_mine": "0x0",
            "anvil_reorg": None,
            "earnest_faults": {},
            "eth_getBlockByNumber": {"number": "0x10", "hash": "0x" + "aa" * 32, "timestamp": "0x60000000"},
        }

    @property
    def secrets(self) -> list[str]:
        """What nobody else may ever read."""
        return ["secret-order", "secret-url", self.payment, self.endpoint, self.event, self.key]

    def named(self, path: str) -> str:
        """Fill a path with the first merchant's own ids; a kind of id that is not known here is a failure."""
        kinds = {
            "/v1/payments/{id}": self.payment,
            "/v1/webhook_endpoints/{id}": self.endpoint,
            "/v1/events/{id}": self.event,
            "/v1/keys/{id}": self.key,
        }
        for name, value in NAMES.items():
            path = path.replace(name, value)
        if "{id}" in path:
            stem = next(stem for stem in kinds if path.startswith(stem))
            path = path.replace("{id}", kinds[stem])
        assert "{" not in path, f"a new kind of parameter in {path}: say here what it names"
        return path

    def ask(self, method: str, path: str, key: str | None) -> Any:
        body = BODIES.get(path, {})
        if isinstance(body.get("payments"), list):
            body = {"payments": [self.payment]}
        how = {} if method in ("GET", "DELETE") else {"json": body}
        return self.house.call(method, self.named(path) + QUERIES.get(path, ""), key=key, **how)


@pytest.fixture
def town() -> Iterator[Town]:
    with open_house() as house:
        yield Town(house)


def test_a_scope_opens_its_own_routes_and_no_other(town: Town) -> None:
    keys = {scope: town.house.new_key(scope) for scope in SCOPES}
    for method, path, needs in sorted(KEYED, key=lambda each: each[0] == "DELETE"):
        for scope, key in keys.items():
            answer = town.ask(method, path, key)
            if scope == needs:
                assert answer.status_code not in (401, 403), (method, path, scope, answer.text)
            else:
                assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope"), (method, path, scope)


def test_no_route_shows_or_changes_anything_of_another_merchants(town: Town) -> None:
    house = town.house
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
    stranger = house.new_key(*SCOPES, merchant="mer_2")
    before = [house.get(path).json() for path in LOOKED_AT]
    for method, path, _ in sorted(KEYED, key=lambda each: each[0] == "DELETE"):
        if path.startswith("/v1/test/"):
            continue  # the chain is everybody's
        answer = town.ask(method, path, stranger)
        if "{id}" in path:
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), (method, path, answer.text)
        elif path.endswith("_many"):
            assert answer.json()["sent"] == [], path
            assert [each["code"] for each in answer.json()["left_out"]] == ["not_found"], path
        else:
            assert answer.status_code in (200, 201, 503), (method, path, answer.text)
            assert [secret for secret in town.secrets if secret in answer.text] == [], (method, path)
    after = [house.get(path).json() for path in LOOKED_AT]
    assert after == before
    assert house.sender.submitted == []


def test_what_is_public_shows_nothing_of_the_merchants_own(town: Town) -> None:
    for method, path in sorted(PUBLIC):
        wanted = path.replace("{id}", town.payment).replace("{verb}", "fund")
        answer = town.house.call(method, f"{wanted}?from={MERCHANT.payout}", key=None)
        for secret in ("secret-order", "secret-url", town.endpoint, town.event, town.key, MERCHANT.id):
            assert secret not in answer.text, (path, secret)


def test_every_answer_tells_browsers_to_leave_it_alone(town: Town) -> None:
    for path, status in (("/v1/payments", 200), ("/v1/payments/0x", 422), ("/nowhere", 404), ("/health/live", 200)):
        answer = town.house.get(path)
        assert answer.status_code == status
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert (answer.headers.get("cache-control") == "no-store") == path.startswith("/v1/")
    assert "style-src" in town.house.get("/docs", key=None).headers["content-security-policy"]


def test_a_wrong_method_is_told_all_that_would_be_right(town: Town) -> None:
    for path, methods in (
        ("/v1/payments", "GET, POST"),
        (f"/v1/webhook_endpoints/{town.endpoint}", "DELETE, GET, PATCH"),
        ("/health/live", "GET"),
    ):
        answer = town.house.call("PUT", path)
        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == methods


def test_stored_markup_is_data_and_never_a_page(town: Town) -> None:
    markup = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    made = town.house.post("/v1/payments", {**BODIES["/v1/payments"], "order_reference": markup})
    assert made.json()["order_reference"] == markup
    for path in (f"/v1/payments/{made.json()['id']}", "/v1/payments", "/v1/reports/settlements.csv"):
        answer = town.house.get(path)
        assert answer.headers["content-type"].split(";")[0] in ("application/json", "text/csv")
        assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"[" * 30_000, 400, "malformed_json"),
        (b"[" * 30_000 + b"]" * 30_000, 422, "invalid_request"),
        (b'{"amount":' * 5_000 + b"1" + b"}" * 5_000, 422, "unknown_field"),
        (b'{"amount":' + b"[" * 20_000 + b"]" * 20_000 + b"}", 422, "invalid_request"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b'{"amount": {"value": "1", "token": "USDX"}, "dispute_window": 1e400}', 422, "invalid_request"),
        (b"x" * 65_537, 413, "body_too_large"),
    ],
)
def test_no_body_is_too_strange(town: Town, body: bytes, status: int, code: str) -> None:
    as_json = {"Content-Type": "application/json"}
    answer = town.house.call("POST", "/v1/payments", content=body, headers=as_json)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_an_address_that_asks_too_often_is_told_when_to_come_back_and_monitors_never_are() -> None:
    with open_house(limits=Limits(public_requests_per_second=0.1, public_burst=2)) as house:
        payment = house.create()["id"]
        answers = [house.get(f"/v1/checkout/{payment}", key=None) for _ in range(3)]
        assert [each.status_code for each in answers] == [200, 200, 429]
        assert 5 <= int(answers[2].headers["retry-after"]) <= 10  # one comes back every ten seconds
        assert answers[2].headers["access-control-allow-origin"] == "*"  # so that a page can read why
        assert {house.get("/health/live", key=None).status_code for _ in range(5)} == {200}
        assert house.get("/v1/payments").status_code == 200

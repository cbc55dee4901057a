"""Who may use which route: every route, walked one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from fastapi import APIRouter

from earnest.api import Limits
from earnest.api.app import ROUTERS
from earnest.api.route import GuardedRoute, router
from earnest.commands.scopes import SCOPES
from tests.support.ledger import MERCHANT
from tests.unit.api.house import House, open_house

ROUTES = sorted(
    ((method, route.path, route) for module in ROUTERS for route in module.routes.routes for method in route.methods),
    key=lambda each: (each[1], each[0]),
)
PUBLIC = {
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/health/sync"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/docs"),
    ("GET", "/v1/checkout/{id}"),
    ("GET", "/v1/checkout/{id}/stream"),
    ("GET", "/v1/payments/{id}/proof"),
    ("GET", "/v1/payments/{id}/txs/{verb}"),
}
KEYED = [(method, path, route.access.scope) for method, path, route in ROUTES if (method, path) not in PUBLIC]
AN_ID = "0x" + "ab" * 32


def filled(path: str) -> str:
    return path.replace("{id}", AN_ID).replace("{verb}", "fund")


def test_every_route_is_guarded_and_only_the_listed_ones_are_public() -> None:
    assert all(isinstance(route, GuardedRoute) for _, _, route in ROUTES)
    assert {(method, path) for method, path, route in ROUTES if route.access.scope is None} == PUBLIC


def test_the_application_has_no_route_beside_the_guarded_ones(house: House) -> None:
    def of(routes: Iterable[object]) -> list[object]:
        found: list[object] = []
        for each in routes:
            inner = getattr(each, "original_router", None)
            found += of(inner.routes) if isinstance(inner, APIRouter) else [each]
        return found

    served = of(list(house.client.app.routes))  # type: ignore[attr-defined]
    assert all(isinstance(each, GuardedRoute) for each in served)
    assert len(served) == len({id(route) for _, _, route in ROUTES})


def test_a_route_that_does_not_say_who_may_use_it_cannot_be_made() -> None:
    def endpoint() -> None:
        """Say nothing."""

    with pytest.raises(TypeError, match="does not say who may use it"):
        router().get("/open")(endpoint)


def test_without_a_key_every_other_route_answers_401(house: House) -> None:
    for method, path, _ in KEYED:
        answer = house.call(method, filled(path), key=None)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
        assert answer.headers["www-authenticate"].startswith("Bearer")


def test_without_its_scope_a_key_gets_403_naming_it_on_every_route(house: House) -> None:
    lacking = {scope: house.new_key(*(SCOPES.keys() - {scope})) for scope in SCOPES}
    for method, path, scope in KEYED:
        answer = house.call(method, filled(path), key=lacking[scope])
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope"), path
        assert scope in answer.json()["detail"]


def test_with_its_scope_alone_a_key_is_let_in_on_every_route(house: House) -> None:
    single = {scope: house.new_key(scope) for scope in SCOPES}
    for method, path, scope in KEYED:
        assert house.call(method, filled(path), key=single[scope]).status_code not in (401, 403), path


def test_what_is_no_valid_key_gets_401(house: House) -> None:
    for header in ("", "Bearer", "Bearer ek_test_", f"Basic {house.key}", "Bearer ek_test_" + "a" * 43, house.key):
        assert house.get("/v1/payments", key=None, headers={"Authorization": header}).status_code == 401, header


def test_a_key_is_refused_from_its_expiry_on(house: House) -> None:
    key = house.new_key("payments:read", expires_at=house.moment[0] + 10)
    house.moment[0] += 9
    assert house.get("/v1/payments", key=key).status_code == 200
    house.moment[0] += 1
    assert house.get("/v1/payments", key=key).status_code == 401


def test_a_revoked_key_is_refused(house: House) -> None:
    made = house.post("/v1/keys", {"scopes": ["payments:read"]}).json()
    assert house.get("/v1/payments", key=made["secret"]).status_code == 200
    assert house.call("DELETE", f"/v1/keys/{made['id']}").json() == {"id": made["id"], "revoked": True}
    assert house.get("/v1/payments", key=made["secret"]).status_code == 401


def test_a_key_cannot_make_a_mightier_one(house: House) -> None:
    weak = house.new_key("keys:write", "payments:read")
    answer = house.post("/v1/keys", {"scopes": ["payments:read", "refunds:write"]}, key=weak)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert "refunds:write" in answer.json()["detail"]


def test_another_merchants_things_are_404(house: House) -> None:
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
    stranger = house.new_key(*SCOPES, merchant="mer_2")
    payment = house.create()["id"]
    endpoint = house.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).json()["id"]
    key = house.get("/v1/keys").json()["data"][0]["id"]
    asked = [
        ("GET", f"/v1/payments/{payment}"),
        ("GET", f"/v1/payments/{payment}/timeline"),
        ("GET", f"/v1/payments/{payment}/txs"),
        ("POST", f"/v1/payments/{payment}/confirm_delivery"),
        ("POST", f"/v1/payments/{payment}/refund"),
        ("GET", f"/v1/webhook_endpoints/{endpoint}"),
        ("DELETE", f"/v1/webhook_endpoints/{endpoint}"),
        ("GET", f"/v1/webhook_endpoints/{endpoint}/deliveries"),
        ("POST", f"/v1/webhook_endpoints/{endpoint}/rotate_secret"),
        ("POST", f"/v1/webhook_endpoints/{endpoint}/replay"),
        ("DELETE", f"/v1/keys/{key}"),
    ]
    for method, path in asked:
        answer = house.call(method, path, key=stranger)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    assert house.get("/v1/payments", key=stranger).json()["data"] == []
    assert house.get("/v1/webhook_endpoints", key=stranger).json()["data"] == []


def test_only_public_reads_may_be_read_by_other_pages(house: House) -> None:
    payment = house.create()["id"]
    assert house.get(f"/v1/checkout/{payment}", key=None).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in house.get(f"/v1/payments/{payment}").headers
    assert "access-control-allow-origin" not in house.get("/health/live", key=None).headers


def test_a_caller_who_asks_too_often_is_told_when_to_come_back() -> None:
    with open_house(limits=Limits(key_requests_per_second=0.1, key_burst=2, public_burst=1_000)) as house:
        answers = [house.get("/v1/payments") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[2].json()["retryable"] is True
    assert 1 <= int(answers[2].headers["retry-after"]) <= 10


def test_wrong_keys_are_counted_by_address() -> None:
    with open_house(limits=Limits(public_requests_per_second=0.1, public_burst=2)) as house:
        answers = [house.get("/v1/payments", key=None) for _ in range(3)]
    assert [each.status_code for each in answers] == [401, 401, 429]

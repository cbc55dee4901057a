"""Every change that a person makes is in the audit log, with who made it; what changes nothing is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from earnest.api.app import ROUTERS
from earnest.api.schemas.audit import AuditEntry
from earnest.commands.create_merchant import NewMerchant, create_merchant
from earnest.payment.events import EventKind
from earnest.store.audit import AuditEntry as Stored
from tests.support.ledger import MERCHANT, PAYOUT
from tests.unit.api.house import House

URL = "https://shop.example/hooks?token=abc123"
# A merchant's shop does these all day, by machine; each leaves a payment, or moves nothing but a chain of one's own.
LEAVES_NO_ENTRY = {
    ("POST", "/v1/payments"),
    ("POST", "/v1/webhook_endpoints/{id}/test"),
    *(("POST", f"/v1/test/{what}") for what in ("clock", "mine", "reorg", "faults")),
}


def entries(house: House) -> list[Stored]:
    with house.store.read() as tx:
        return list(tx.audit.page(MERCHANT.id, limit=100).items)


def endpoint(house: House) -> str:
    return str(house.post("/v1/webhook_endpoints", {"url": URL}).json()["id"])


def funded(house: House) -> str:
    payment = str(house.create()["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def released(house: House) -> str:
    payment = funded(house)
    house.happen(payment, EventKind.DELIVERY_CONFIRMED)
    house.tell(house.chain.mine(seconds=2 * 86_400))
    return payment


Make = Callable[[House], tuple[str, Any]]
DEEDS: dict[tuple[str, str], tuple[str, Make]] = {
    ("PATCH", "/v1/settings"): ("merchant.tell", lambda house: ("", {"tell": [{"finality": "final"}]})),
    ("POST", "/v1/keys"): ("key.create", lambda house: ("", {"scopes": ["payments:read"]})),
    ("DELETE", "/v1/keys/{id}"): (
        "key.revoke",
        lambda house: (house.post("/v1/keys", {"scopes": ["payments:read"]}).json()["id"], None),
    ),
    ("POST", "/v1/webhook_endpoints"): ("endpoint.create", lambda house: ("", {"url": URL})),
    ("PATCH", "/v1/webhook_endpoints/{id}"): ("endpoint.update", lambda house: (endpoint(house), {"enabled": False})),
    ("DELETE", "/v1/webhook_endpoints/{id}"): ("endpoint.delete", lambda house: (endpoint(house), None)),
    ("POST", "/v1/webhook_endpoints/{id}/rotate_secret"): (
        "endpoint.rotate_secret",
        lambda house: (endpoint(house), {}),
    ),
    ("POST", "/v1/webhook_endpoints/{id}/replay"): ("endpoint.replay", lambda house: (endpoint(house), {})),
    ("POST", "/v1/payments/{id}/confirm_delivery"): ("payment.confirm_delivery", lambda house: (funded(house), {})),
    ("POST", "/v1/payments/{id}/refund"): (
        "payment.refund",
        lambda house: (funded(house), {"amount": {"value": "0.25"}}),
    ),
    ("POST", "/v1/payments/confirm_delivery_many"): (
        "payment.confirm_delivery_many",
        lambda house: ("", {"payments": [funded(house)]}),
    ),
    ("POST", "/v1/payments/release_many"): (
        "payment.release_many",
        lambda house: ("", {"payments": [released(house)]}),
    ),
}
# It needs a signature of the buyer's; see tests/unit/commands for the rest of it.
BY_SIGNATURE = {("POST", "/v1/payments/{id}/release_with_receipt")}


def test_every_route_that_changes_something_is_one_of_those_below() -> None:
    changing = {
        (method, route.path)
        for module in ROUTERS
        for route in module.routes.routes
        for method in route.methods
        if method not in ("GET", "HEAD")
    }
    assert changing == LEAVES_NO_ENTRY | DEEDS.keys() | BY_SIGNATURE


@pytest.mark.parametrize(("method", "path"), sorted(DEEDS))
def test_a_change_leaves_an_entry_with_who_made_it(house: House, method: str, path: str) -> None:
    action, make = DEEDS[method, path]
    target, body = make(house)
    before = len(entries(house))
    how = {} if body is None else {"json": body}
    answer = house.call(method, path.replace("{id}", target), headers={"X-Request-Id": "req-42"}, **how)
    assert answer.status_code < 300, answer.text
    newest, *rest = entries(house)
    assert len(rest) == before
    (key,) = [each["id"] for each in house.get("/v1/keys").json()["data"] if house.key.startswith(each["prefix"])]
    assert (newest.deed.action, newest.deed.actor, newest.deed.request_id) == (action, f"key:{key}", "req-42")
    assert newest.deed.at == house.moment[0]
    if target:
        assert newest.deed.target == target
    with house.store.read() as tx:
        assert tx.audit.first_broken() is None


def test_what_is_refused_or_answered_again_leaves_no_entry(house: House) -> None:
    payment = house.create()["id"]
    before = len(entries(house))
    assert house.post(f"/v1/payments/{payment}/confirm_delivery", {}).status_code == 409
    assert house.post("/v1/keys", {"scopes": ["no:such"]}).status_code == 422
    assert house.call("DELETE", "/v1/keys/key_nobodys").status_code == 404
    assert len(entries(house)) == before
    for _ in range(2):
        made = house.post("/v1/keys", {"scopes": ["payments:read"]}, headers={"Idempotency-Key": "k"})
        assert made.status_code == 201
    assert len(entries(house)) == before + 1


def test_no_entry_holds_a_secret(house: House) -> None:
    made = house.post("/v1/webhook_endpoints", {"url": URL}).json()
    rotated = house.post(f"/v1/webhook_endpoints/{made['id']}/rotate_secret", {}).json()
    key = house.post("/v1/keys", {"scopes": ["payments:read"]}).json()
    shown = house.get("/v1/audit_log?limit=100").text
    for secret in (made["secret"], rotated["secret"], key["secret"], "abc123", house.key):
        assert secret not in shown


def test_a_merchant_reads_his_own_log_in_pieces(house: House) -> None:
    for _ in range(5):
        endpoint(house)
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
    stranger = house.new_key("audit:read", merchant="mer_2")
    found, cursor = [], ""
    while True:
        page = house.get(f"/v1/audit_log?limit=2{cursor}").json()
        found += [AuditEntry.model_validate(each) for each in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [each.number for each in found] == [each.number for each in entries(house)]
    assert {each["action"] for each in house.get("/v1/audit_log", key=stranger).json()["data"]} == {"key.create"}
    assert json.loads(json.dumps(found[0].detail)) == {"url": "https://shop.example/hooks", "types": []}


def test_what_the_host_does_at_the_machine_is_his(house: House) -> None:
    made = create_merchant(house.store, NewMerchant("Another shop", PAYOUT), house.moment[0])
    with house.store.read() as tx:
        (entry,) = tx.audit.page(made.id).items
    assert (entry.deed.actor, entry.deed.action) == ("host", "merchant.create")

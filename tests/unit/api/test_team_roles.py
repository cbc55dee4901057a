"""Keys by role: four names, the same in the API, the desk, the command line and the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earnest.commands.scopes import SCOPES
from earnest.commands.team_roles import TEAM_ROLES, role_of
from tests.unit.api.house import House

DOCS = Path(__file__).parents[3] / "docs"
ROW = re.compile(r"^\s*\| `([a-z_]+)` \| (.+?) \|", re.MULTILINE)


@pytest.mark.parametrize("role", TEAM_ROLES)
def test_a_key_of_a_role_may_do_what_the_role_may_and_nothing_else(house: House, role: str) -> None:
    made = house.post("/v1/keys", {"role": role})
    assert made.status_code == 201, made.text
    assert (made.json()["role"], made.json()["scopes"]) == (role, sorted(TEAM_ROLES[role]))
    key = made.json()["secret"]
    asked = {
        "payments:read": house.get("/v1/payments", key=key),
        "payments:write": house.post("/v1/payments", {"amount": {"value": "1.00", "token": "USDX"}}, key=key),
        "refunds:write": house.post(f"/v1/payments/0x{'ab' * 32}/refund", {}, key=key),
        "webhooks:read": house.get("/v1/webhook_endpoints", key=key),
        "webhooks:write": house.post("/v1/webhook_endpoints", {"url": "https://shop.example/hook"}, key=key),
        "keys:read": house.get("/v1/keys", key=key),
        "keys:write": house.post("/v1/keys", {"scopes": ["payments:read"]}, key=key),
        "audit:read": house.get("/v1/audit_log", key=key),
        "settings:write": house.call("PATCH", "/v1/settings", key=key, json={"tell": []}),
        "test:write": house.post("/v1/test/mine", {}, key=key),
    }
    assert asked.keys() == SCOPES.keys()
    allowed = {scope for scope, answer in asked.items() if answer.status_code != 403}
    assert allowed == set(TEAM_ROLES[role])


def test_a_key_is_made_by_a_role_or_by_scopes(house: House) -> None:
    for body, param in (
        ({}, "scopes"),
        ({"scopes": []}, "scopes"),
        ({"role": "owner", "scopes": ["payments:read"]}, "role"),
        ({"role": "boss"}, "role"),
    ):
        answer = house.post("/v1/keys", body)
        assert (answer.status_code, answer.json()["param"]) == (422, param), body
    assert house.post("/v1/keys", {"scopes": ["payments:read"]}).json()["role"] is None
    assert role_of(frozenset(SCOPES)) == "owner"


def test_nobody_makes_a_role_that_may_do_more_than_himself(house: House) -> None:
    finance = house.post("/v1/keys", {"scopes": [*TEAM_ROLES["finance"], "keys:write"]}).json()["secret"]
    assert house.post("/v1/keys", {"role": "finance"}, key=finance).status_code == 201
    for role in ("support", "owner"):
        assert house.post("/v1/keys", {"role": role}, key=finance).json()["code"] == "missing_scope"


def test_the_table_of_roles_in_the_documents_is_that_of_the_code() -> None:
    text = (DOCS / "api.md").read_text("utf-8")
    told = {name: set(re.findall(r"`([a-z]+:[a-z]+)`", scopes)) for name, scopes in ROW.findall(text)}
    for role, scopes in TEAM_ROLES.items():
        if role == "owner":
            assert told[role] == {"test:write"}, "all but this"
        else:
            assert told[role] == set(scopes), role
    assert "(api.md#keys)" in (DOCS / "desk.md").read_text("utf-8")

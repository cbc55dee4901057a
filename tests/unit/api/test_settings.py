"""The account's settings: what is seen of them, and the rule when a merchant is told, which alone can be changed."""

from __future__ import annotations

from typing import Any

import pytest

from earnest.payment.tell_rule import parse_tell_rule
from tests.support.ledger import MERCHANT, PAYOUT, TOKEN
from tests.unit.api.house import House

ANOTHER = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"


def patch(house: House, tell: Any, **how: Any) -> Any:
    return house.call("PATCH", "/v1/settings", json={"tell": tell}, **how)


def rule_of(house: House) -> str:
    with house.store.read() as tx:
        merchant = tx.merchants.get(MERCHANT.id)
    assert merchant is not None
    return str(merchant.tell)


def usdx(value: str) -> dict[str, str]:
    return {"value": value, "token": "usdx"}


def test_a_merchant_sees_who_is_paid_and_on_which_terms(house: House) -> None:
    told = house.get("/v1/settings").json()
    assert (told["merchant"], told["payout"], told["tell"]) == (MERCHANT.id, PAYOUT, [])
    assert told["delivery_period"] == MERCHANT.delivery_period
    assert "fee_recipient" in told


def test_a_rule_is_set_whole_and_told_as_amounts(house: House) -> None:
    told = patch(house, [{"finality": "final", "amount": usdx("1000")}, {"finality": "safe", "amount": usdx("50.5")}])
    assert told.status_code == 200
    assert rule_of(house) == f"{TOKEN}:safe:50500000 {TOKEN}:final:1000000000"
    steps = [(each["finality"], each["amount"]["value"], each["amount"]["symbol"]) for each in told.json()["tell"]]
    assert steps == [("safe", "50.50", "USDX"), ("final", "1000.00", "USDX")]
    assert house.get("/v1/settings").json() == told.json()
    patch(house, [{"finality": "final"}])
    assert rule_of(house) == "*:final:0"
    assert house.get("/v1/settings").json()["tell"] == [{"finality": "final", "amount": None}]
    patch(house, [])
    assert rule_of(house) == ""


def test_from_nothing_on_means_all_of_a_token(house: House) -> None:
    assert patch(house, [{"finality": "safe", "amount": usdx("0")}]).status_code == 200
    assert rule_of(house) == f"{TOKEN}:safe:0"


def test_a_rule_can_be_sent_back_as_it_came_also_of_a_token_that_nobody_vouches_for(house: House) -> None:
    with house.store.transaction() as tx:
        tx.merchants.set_tell_rule(MERCHANT.id, parse_tell_rule([f"{ANOTHER}:safe:7", "*:final:0"]))
    before, told = rule_of(house), house.get("/v1/settings").json()["tell"]
    assert {each["amount"]["symbol"] for each in told if each["amount"]} == {"unknown"}
    again = [
        {
            "finality": each["finality"],
            "amount": each["amount"] and {name: each["amount"][name] for name in ("base_units", "token")},
        }
        for each in told
    ]
    assert patch(house, again).status_code == 200
    assert rule_of(house) == before


@pytest.mark.parametrize(
    ("tell", "code", "param"),
    [
        ([{"finality": "soon"}], "invalid_request", "tell.0.finality"),
        ([{"finality": "safe", "amount": {"value": "1"}}], "invalid_input", "amount.token"),
        ([{"finality": "safe", "amount": {"value": "1", "currency": "EUR"}}], "pricing_not_configured", None),
        ([{"finality": "safe", "amount": {"value": "1", "token": "XYZ"}}], "unknown_token", "token"),
        ([{"finality": "safe", "amount": {"value": "1", "token": ANOTHER}}], "unknown_token", "token"),
        ([{"finality": "safe", "amount": {"token": "USDX"}}], "invalid_input", "tell.0.amount"),
        ([{"finality": "safe", "amount": usdx("-1")}], "invalid_amount", "tell.0.amount.value"),
        ([{"finality": "safe", "amount": usdx("0.0000001")}], "invalid_amount", "tell.0.amount.value"),
        (
            [{"finality": "safe", "amount": usdx("2")}, {"finality": "final", "amount": usdx("1")}],
            "invalid_input",
            "tell",
        ),
        ([{"finality": "safe"}, {"finality": "final"}], "invalid_input", "tell"),
        ("final", "invalid_request", "tell"),
    ],
)
def test_what_is_no_rule_is_refused_by_name_and_changes_nothing(
    house: House, tell: Any, code: str, param: str | None
) -> None:
    patch(house, [{"finality": "final"}])
    answer = patch(house, tell)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert param is None or answer.json()["param"] == param
    assert rule_of(house) == "*:final:0"


def test_nobody_is_paid_elsewhere_by_the_api(house: House) -> None:
    for body in ({"payout": ANOTHER}, {"operator": ANOTHER}, {"delivery_period": 1}):
        answer = house.call("PATCH", "/v1/settings", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")
    assert house.get("/v1/settings").json()["payout"] == PAYOUT


def test_a_change_of_nothing_is_no_change(house: House) -> None:
    before = house.get("/v1/audit_log").json()["data"]
    assert house.call("PATCH", "/v1/settings", json={}).json() == house.get("/v1/settings").json()
    assert house.get("/v1/audit_log").json()["data"] == before

"""The desk's settings: the rule when the merchant is told, in the form's words and out of them."""

from __future__ import annotations

import re

from earnest.payment.tell_rule import parse_tell_rule
from tests.support.ledger import MERCHANT, PAYOUT, TOKEN
from tests.unit.api.house import House
from tests.unit.web.desk import Browser, at_desk

ANOTHER = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"
USDX = 1  # the coin comes first


def rule_of(house: House) -> str:
    with house.store.read() as tx:
        merchant = tx.merchants.get(MERCHANT.id)
    assert merchant is not None
    return str(merchant.tell)


def shown(browser: Browser) -> dict[str, str]:
    """Return the form as it stands there."""
    page = browser.get("/desk/settings").text
    fields = dict(re.findall(r'<input name="((?:safe|final)_\d)"[^>]* value="([^"]*)"', page))
    chosen = re.search(r'<option value="(\w*)" selected>', page)
    return {**fields, "others": chosen[1] if chosen else ""}


def test_a_merchant_sees_who_is_paid_and_that_he_is_told_at_once(house: House) -> None:
    browser = at_desk(house)
    assert PAYOUT in browser.get("/desk/settings").text
    assert set(shown(browser).values()) == {""}


def test_what_is_saved_is_the_rule_and_stands_in_the_form(house: House) -> None:
    browser = at_desk(house)
    form = {f"safe_{USDX}": "50.5", f"final_{USDX}": "1,000", "others": "final"}
    answer = browser.post("/desk/settings", form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/settings?saved=1")
    assert rule_of(house) == f"*:final:0 {TOKEN}:safe:50500000 {TOKEN}:final:1000000000"
    there = shown(browser)
    assert (there[f"safe_{USDX}"], there[f"final_{USDX}"], there["others"]) == ("50.50", "1000.00", "final")
    browser.post("/desk/settings", there)
    assert shown(browser) == there
    browser.post("/desk/settings", {})
    assert rule_of(house) == ""


def test_what_the_host_said_of_a_token_of_another_chain_stays(house: House) -> None:
    with house.store.transaction() as tx:
        tx.merchants.set_tell_rule(MERCHANT.id, parse_tell_rule([f"{ANOTHER}:safe:7"]))
    at_desk(house).post("/desk/settings", {f"final_{USDX}": "0"})
    assert rule_of(house) == f"{TOKEN}:final:0 {ANOTHER}:safe:7"


def test_what_is_no_rule_changes_nothing_and_can_be_mended(house: House) -> None:
    browser = at_desk(house)
    for field, value, word in (
        ("safe", "-1", "no amount"),
        ("safe", "0.0000001", "decimals"),
        ("safe", "2e3", "amount"),
    ):
        answer = browser.post("/desk/settings", {f"{field}_{USDX}": value})
        assert answer.status_code == 422
        assert word in answer.text and f'value="{value}"' in answer.text
    both = browser.post("/desk/settings", {f"safe_{USDX}": "5", f"final_{USDX}": "1"})
    assert both.status_code == 422 and "contradict" in both.text
    assert rule_of(house) == ""


def test_who_may_only_read_sees_the_rule_and_no_button(house: House) -> None:
    browser = at_desk(house, house.new_key("payments:read"))
    page = browser.get("/desk/settings").text
    assert "disabled" in page and 'action="/desk/settings"' in page and ">Save<" not in page
    assert browser.post("/desk/settings", {"others": "final"}).status_code == 403
    assert rule_of(house) == ""


def test_the_change_is_in_the_audit_log_under_the_visitors_name(house: House) -> None:
    at_desk(house).post("/desk/settings", {"others": "final"})
    newest = house.get("/v1/audit_log").json()["data"][0]
    assert (newest["action"], newest["detail"]) == ("merchant.tell", {"rule": ["*:final:0"]})
    assert newest["actor"] != "host"

"""What the desk shows and does: the same as the API, and nothing that the chain has not said."""

from __future__ import annotations

import re
from typing import Any

import pytest

from earnest.commands.team_roles import TEAM_ROLES
from earnest.payment.events import EventKind
from earnest.payment.status import Status
from earnest.web.words import LANGUAGES
from tests.unit.api.house import House
from tests.unit.web.desk import Browser, at_desk

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def paid(house: House, **body: Any) -> str:
    payment = str(house.create(**body)["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def test_markup_in_an_order_reference_is_text_on_every_page(house: House) -> None:
    payment = paid(house, order_reference=EVIL, description=EVIL)
    browser = at_desk(house)
    pages = [
        browser.get(path).text
        for path in (
            "/desk",
            "/desk/payments",
            f"/desk/payments/{payment}",
            f"/desk/payments/{payment}/refund",
            f"/desk/payments/{payment}/confirm_delivery",
        )
    ]
    pages.append(browser.post("/desk/payments/confirm_delivery_many", {"payment": payment}).text)
    pages.append(browser.post("/desk/payments/confirm_delivery_many", {"payment": payment, "sure": "yes"}).text)
    for text in pages:
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", list(EventKind))
def test_every_status_has_its_page_in_every_language(house: House, language: str, kind: EventKind) -> None:
    payment = paid(house, order_reference="order-1")
    before = {
        EventKind.PAYMENT_DISPUTED: [EventKind.DELIVERY_CONFIRMED],
        EventKind.PAYMENT_RELEASED: [EventKind.DELIVERY_CONFIRMED],
        EventKind.DISPUTE_RESOLVED: [EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_DISPUTED],
        EventKind.PAYMENT_REPAID: [EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED],
    }
    for each in [*before.get(kind, []), *([kind] if kind is not EventKind.PAYMENT_FUNDED else [])]:
        house.happen(payment, each)
    browser = at_desk(house)
    for path in ("/desk", "/desk/payments", f"/desk/payments/{payment}"):
        answer = browser.get(f"{path}?lang={language}")
        assert answer.status_code == 200, answer.text
        assert "desk." not in re.sub(r"/[^ \"]*desk\.(css|js)", "", answer.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_stands_empty_too(house: House, language: str) -> None:
    browser = at_desk(house)
    for path in ("", "/payments", "/payments?q=nothing", "/balances", "/reports", "/webhooks", "/keys", "/nothing"):
        joined = f"/desk{path}{'&' if '?' in path else '?'}lang={language}"
        assert browser.get(joined).status_code in (200, 404), path


def test_the_language_that_was_chosen_stays(house: House) -> None:
    browser = at_desk(house)
    assert "商户后台" in browser.get("/desk?lang=zh").text
    assert "商户后台" in browser.get("/desk/payments").text


def test_confirming_asks_first_and_moves_no_status(house: House) -> None:
    payment = paid(house)
    browser = at_desk(house)
    assert "cannot be taken back" in browser.get(f"/desk/payments/{payment}/confirm_delivery").text
    assert house.sender.submitted == []
    answer = browser.post(f"/desk/payments/{payment}/confirm_delivery")
    assert answer.status_code == 303
    assert [each.verb for each in house.sender.submitted] == ["confirm_delivery"]
    assert house.payment(payment).state.status is Status.FUNDED
    page = browser.get(answer.headers["location"]).text
    assert "Your confirmation was sent" in page
    assert "To deliver" in page
    with house.store.read() as tx:
        (entry, *_) = tx.audit.page("mer_1").items
    assert (entry.deed.action, entry.deed.target) == ("payment.confirm_delivery", payment)
    assert entry.deed.actor.startswith("key:")


def test_a_part_is_refunded_once_however_often_the_button_is_pressed(house: House) -> None:
    payment = paid(house)
    browser = at_desk(house)
    path, form = f"/desk/payments/{payment}/refund", {"how_much": "part", "amount": "0.25"}
    review = browser.post(path, form).text
    assert "0.25 USDX" in review
    assert house.sender.submitted == []
    name = re.search(r'name="name" value="([^"]+)"', review)
    assert name is not None
    for _ in range(2):
        assert browser.post(path, {**form, "sure": "yes", "name": name[1]}).status_code == 303
    assert len({each.dedupe_key for each in house.sender.submitted}) == 1


@pytest.mark.parametrize("amount", ["", "0", "-1", "1.01", "1e3", "0.0000001", "1,00", "<b>"])
def test_an_amount_that_cannot_go_back_is_asked_for_again(house: House, amount: str) -> None:
    browser, payment = at_desk(house), paid(house)
    answer = browser.post(f"/desk/payments/{payment}/refund", {"how_much": "part", "amount": amount, "sure": "yes"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert house.sender.submitted == []


def test_fifty_are_confirmed_by_one_tx_after_one_question(house: House) -> None:
    ids = [paid(house, order_reference=f"order-{number}") for number in range(50)]
    browser = at_desk(house)
    assert browser.get("/desk/payments").text.count('name="payment"') == 50
    review = browser.post("/desk/payments/confirm_delivery_many", {"payment": ids})
    assert "Confirm 50 deliveries" in review.text
    assert house.sender.submitted == []
    sent = browser.post("/desk/payments/confirm_delivery_many", {"payment": ids, "sure": "yes"})
    assert "50 confirmations sent" in sent.text
    assert len(house.sender.submitted) == 1


def test_what_cannot_be_confirmed_is_left_out_and_says_why(house: House) -> None:
    good, done = paid(house), paid(house)
    house.happen(done, EventKind.DELIVERY_CONFIRMED)
    browser = at_desk(house)
    review = browser.post("/desk/payments/confirm_delivery_many", {"payment": [good, done]})
    assert "1 of the ticked payments do not fit now" in review.text
    sent = browser.post("/desk/payments/confirm_delivery_many", {"payment": [good, done], "sure": "yes"})
    assert "1 confirmations sent" in sent.text
    assert "1 left out" in sent.text


def test_nothing_ticked_is_said_calmly(house: House) -> None:
    browser = at_desk(house)
    answer = browser.post("/desk/payments/release_many")
    assert answer.status_code == 303
    assert "Tick at least one payment first" in browser.get(answer.headers["location"]).text


def orders(browser: Browser, query: str) -> list[str]:
    text = browser.get(f"/desk/payments?{query}").text
    return re.findall(r"<bdi>([^<]+)</bdi></a></th>", text)


def test_the_list_is_filtered_searched_and_leafed_through(house: House) -> None:
    for number in range(55):
        house.create(order_reference=f"order-{number:02}")
    funded = paid(house, order_reference="paid")
    browser = at_desk(house)
    assert orders(browser, "status=funded") == ["paid"]
    assert orders(browser, "q=order-07") == ["order-07"]
    assert orders(browser, "q=order-0") == []
    assert orders(browser, "until=1999-01-01") == []
    first = browser.get("/desk/payments?token=USDX").text
    after = re.search(r'rel="next" href="([^"]+)"', first)
    assert after is not None
    second = orders(browser, after[1].replace("&amp;", "&").split("?", 1)[1])
    assert len(second) == 6
    assert not set(second) & set(orders(browser, "token=USDX"))
    assert browser.get(f"/desk/payments?q={funded}").headers["location"] == f"/desk/payments/{funded}"
    for odd in ("status=paid", "finality=x", "token=DOGE", "since=yesterday"):
        answer = browser.get(f"/desk/payments?{odd}")
        assert answer.status_code == 200, odd
        assert 'role="alert"' in answer.text
    for odd in ("cursor=x", "cursor=%00"):
        assert browser.get(f"/desk/payments?{odd}").status_code in (404, 422), odd


def test_the_overview_names_what_needs_attention(house: House) -> None:
    disputed, due = paid(house, order_reference="quarrel"), paid(house, order_reference="hurry", delivery_period=3_600)
    house.happen(disputed, EventKind.DELIVERY_CONFIRMED)
    house.happen(disputed, EventKind.PAYMENT_DISPUTED)
    assert house.payment(due).state.status is Status.FUNDED
    text = at_desk(house).get("/desk").text
    assert "Open disputes" in text
    assert "Deliver within a day" in text
    head = text.split('id="h-sums"')[0]
    assert "quarrel" in head
    assert "hurry" in head


def test_a_quiet_day_says_so(house: House) -> None:
    assert "Nothing needs you now" in at_desk(house).get("/desk").text


def test_balances_lead_to_the_rows_that_they_are_made_of(house: House) -> None:
    paid(house, order_reference="one")
    browser = at_desk(house)
    text = browser.get("/desk/balances").text
    link = re.search(r'href="(/desk/balances/held[^"]+)"', text)
    assert link is not None
    rows = browser.get(link[1].replace("&amp;", "&")).text
    assert "one" in rows
    assert "1.00" in rows
    assert browser.get("/desk/balances/nothing?chain=eip155:1").status_code == 404


def test_the_report_is_the_apis(house: House) -> None:
    payment = paid(house, order_reference="=HYPERLINK(1)")
    house.happen(payment, EventKind.PAYMENT_REFUNDED)
    answer = at_desk(house).get("/desk/reports/settlements.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text == house.get("/v1/reports/settlements.csv").text
    assert "'=HYPERLINK(1)" in answer.text


def test_an_endpoint_is_added_shown_once_switched_rotated_and_deleted(house: House) -> None:
    browser = at_desk(house)
    made = browser.post("/desk/webhooks", {"url": "https://shop.example/hooks", "type": ["payment.funded"]})
    secret = re.search(r"whsec_[A-Za-z0-9+/=_-]+", made.text)
    assert secret is not None
    (endpoint,) = house.get("/v1/webhook_endpoints").json()["data"]
    assert endpoint["types"] == ["payment.funded"]
    path = f"/desk/webhooks/{endpoint['id']}"
    assert secret[0] not in browser.get(path).text
    for deed, enabled in (("disable", False), ("enable", True)):
        browser.post(f"{path}/{deed}")
        assert house.get(f"/v1/webhook_endpoints/{endpoint['id']}").json()["enabled"] is enabled
    assert "whsec_" not in browser.post(f"{path}/rotate_secret").text
    rotated = browser.post(f"{path}/rotate_secret", {"sure": "yes"}).text
    assert "whsec_" in rotated
    assert secret[0] not in rotated
    browser.post(f"{path}/delete")
    assert browser.get(path).status_code == 200
    browser.post(f"{path}/delete", {"sure": "yes"})
    assert browser.get(path).status_code == 404


def test_a_private_address_is_refused_as_the_api_does(house: House) -> None:
    answer = at_desk(house).post("/desk/webhooks", {"url": "http://127.0.0.1/hook"})
    assert answer.status_code == 422
    assert house.get("/v1/webhook_endpoints").json()["data"] == []


def test_a_key_is_shown_once_and_may_no_more_than_its_maker(house: House) -> None:
    browser = at_desk(house)
    made = browser.post("/desk/keys", {"role": "support", "days": "30"}).text
    secret = re.search(r"ek_test_[A-Za-z0-9_-]{43}", made)
    assert secret is not None
    assert secret[0] not in browser.get("/desk/keys").text
    (made_key,) = [each for each in house.get("/v1/keys").json()["data"] if each["expires_at"] is not None]
    assert made_key["scopes"] == ["payments:read", "payments:write", "webhooks:read", "webhooks:write"]
    known = len(house.get("/v1/keys").json()["data"])

    weak = at_desk(house, house.new_key("keys:read", "keys:write", "payments:read"))
    for form in ({"role": "owner"}, {"scope": ["refunds:write"]}, {"scope": ["nonsense"]}, {}):
        answer = weak.post("/desk/keys", form)
        assert answer.status_code == 422
        assert "ek_test_" not in answer.text.split("<h2", 1)[-1].replace("ek_test_…", "")
    assert len(house.get("/v1/keys").json()["data"]) == known + 1  # the weak one itself


@pytest.mark.parametrize("role", TEAM_ROLES)
def test_a_key_of_each_role_opens_the_rooms_of_that_role(house: House, role: str) -> None:
    made = at_desk(house).post("/desk/keys", {"role": role}).text
    secret = re.search(r"ek_test_[A-Za-z0-9_-]{43}", made)
    assert secret is not None
    (own,) = [each for each in house.get("/v1/keys").json()["data"] if secret[0].startswith(each["prefix"])]
    assert own["role"] == role
    browser, scopes = at_desk(house, secret[0]), TEAM_ROLES[role]
    for room, scope in (("payments", "payments:read"), ("webhooks", "webhooks:read"), ("keys", "keys:read")):
        assert (browser.get(f"/desk/{room}").status_code == 200) is (scope in scopes), room
    paid_for = paid(house)
    for verb, scope in (("confirm_delivery", "payments:write"), ("refund", "refunds:write")):
        answer = browser.get(f"/desk/payments/{paid_for}/{verb}")
        assert (answer.status_code == 200) is (scope in scopes), verb


def test_revoking_the_key_that_one_is_in_with_signs_out(house: House) -> None:
    browser = at_desk(house)
    with house.store.read() as tx:
        own = tx.sessions.list("mer_1")[0].key_id
    assert "you will be signed out" in browser.post(f"/desk/keys/{own}/revoke").text
    assert browser.get("/desk").status_code == 200
    browser.post(f"/desk/keys/{own}/revoke", {"sure": "yes"})
    assert browser.get("/desk").status_code == 303


def test_what_a_key_may_not_do_is_not_offered(house: House) -> None:
    payment = paid(house)
    browser = at_desk(house, house.new_key("payments:read"))
    text = browser.get(f"/desk/payments/{payment}").text
    assert "/refund" not in text
    assert "/confirm_delivery" not in text
    listed = browser.get("/desk/payments").text
    assert 'name="payment"' not in listed
    assert "/desk/keys" not in listed
    assert "/desk/webhooks" not in listed


def test_the_month_is_drawn_with_its_sums_and_its_quarrels(house: House) -> None:
    smooth, quarrel, back = (paid(house, order_reference=each) for each in ("smooth", "quarrel", "back"))
    for payment in (smooth, quarrel):
        house.happen(payment, EventKind.DELIVERY_CONFIRMED)
    house.happen(quarrel, EventKind.PAYMENT_DISPUTED)
    house.happen(back, EventKind.PAYMENT_REFUNDED)
    text = at_desk(house).get("/desk").text
    assert "Paid, by day over 30 days; 3.00 USDX together" in text
    assert "Payments paid, by day over 30 days: 3, of which 1 disputed and 1 refunded" in text
    assert text.count("33.3 %") == 2
    assert "Time from paying to the confirmed delivery" in text


def test_money_that_is_ready_is_named_and_released_from_the_rows_of_its_sum(house: House) -> None:
    ids = [paid(house, order_reference=each) for each in ("one", "two")]
    for payment in ids:
        house.happen(payment, EventKind.DELIVERY_CONFIRMED)
    browser = at_desk(house)
    assert "Money is ready for you" not in browser.get("/desk").text
    house.tell(house.chain.mine(seconds=house.payment(ids[0]).terms.dispute_window))
    link = re.search(r'href="(/desk/balances/releasable[^"]+)"', browser.get("/desk").text)
    assert link is not None
    rows = browser.get(link[1].replace("&amp;", "&")).text
    assert "Release these 2" in rows
    assert sorted(re.findall(r'name="payment" value="(0x[0-9a-f]{64})"', rows)) == sorted(ids)
    assert house.sender.submitted == []
    assert "Release 2 payments" in browser.post("/desk/payments/release_many", {"payment": ids}).text
    weak = at_desk(house, house.new_key("payments:read"))
    assert "Release these" not in weak.get(link[1].replace("&amp;", "&")).text


def test_the_list_is_exported_as_it_is_filtered_and_computes_nothing(house: House) -> None:
    paid(house, order_reference="=HYPERLINK(1)", description="two cups")
    for number in range(120):
        house.create(order_reference=f"order-{number:03}")
    browser = at_desk(house)
    link = re.search(r'href="(/desk/payments[.]csv[^"]*)"', browser.get("/desk/payments?status=funded").text)
    assert link is not None
    answer = browser.get(link[1].replace("&amp;", "&"))
    assert answer.headers["content-type"].startswith("text/csv")
    head, line = (row.split(",") for row in answer.text.splitlines())
    told = dict(zip(head, line, strict=True))
    assert (told["order_reference"], told["status"], told["held"]) == ("'=HYPERLINK(1)", "funded", "1.00")
    assert told["description"] == "two cups"
    assert len(browser.get("/desk/payments.csv").text.splitlines()) == 1 + 121
    assert "payments.csv" not in browser.get("/desk/payments?q=nothing-fits").text
    assert browser.get("/desk/payments.csv?status=paid").status_code == 422

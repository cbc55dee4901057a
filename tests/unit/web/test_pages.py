"""The pages as a browser gets them: what is in them, what never is, and what they tell the browser."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest
from fastapi import FastAPI

from earnest.payment.errors import Conflict
from earnest.payment.events import EventKind
from earnest.payment.status import Status
from earnest.web import add_pages
from earnest.wiring.pages import make_site
from tests.support.ledger import BUYER, MERCHANT
from tests.unit.api.house import House, open_house

HTML = {"accept": "text/html,application/xhtml+xml"}
SIGNED = {"signature": "0x" + "11" * 65}


def page(house: House, path: str, **headers: str) -> Any:
    return house.get(path, key=None, headers={**HTML, **headers})


def checkout(house: House, **body: Any) -> Any:
    return page(house, f"/checkout/{house.create(**body)['id']}")


def test_a_checkout_shows_what_is_bought_and_never_the_order_reference(house: House) -> None:
    answer = checkout(house, order_reference="order-4711", description="A teapot, blue")
    assert answer.status_code == 200
    assert "A teapot, blue" in answer.text
    assert "1.00" in answer.text
    assert "order-4711" not in answer.text


def test_what_is_signed_says_the_terms_that_the_page_says(house: House) -> None:
    text = checkout(house).text
    (terms,) = re.findall(r'data-terms="([^"]+)"', text)
    assert f"<p>{terms}</p>" in text


def test_markup_in_a_description_is_text(house: House) -> None:
    text = checkout(house, description="<script>alert(1)</script>'\"><b>").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_pages_run_only_our_own_scripts_and_hold_none(house: House) -> None:
    for answer in (checkout(house), page(house, "/"), page(house, "/nowhere")):
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert re.findall(r"<script(?![^>]*\bsrc=)", answer.text) == []
        assert re.findall(r"\son\w+=|style=|javascript:", answer.text) == []
        assert re.findall(r"(?:src|href)=\"(?!/|#|ethereum:)", answer.text) == []


def test_files_are_kept_for_ever_under_their_digest_and_asked_again_under_another(house: House) -> None:
    (path,) = re.findall(r'href="(/assets/[0-9a-f]{16}/base\.css)"', page(house, "/").text)
    answer = house.get(path, key=None)
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["cache-control"]
    other = house.get(re.sub(r"[0-9a-f]{16}", "0" * 16, path), key=None)
    assert (other.status_code, other.headers["cache-control"]) == (200, "no-cache")
    assert house.get(path + ".map", key=None).status_code == 404
    assert house.get("/assets/x/..%2Fwords%2Fen.json", key=None).status_code == 404


def test_a_path_that_nobody_serves_is_a_page_for_people_and_a_problem_for_programs(house: House) -> None:
    answer = page(house, "/nowhere")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "There is no such page" in answer.text
    for path, headers in (("/nowhere", {}), ("/v1/nowhere", HTML)):
        told = house.get(path, headers=headers)
        assert (told.status_code, told.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["//evil.example/x", "///evil.example/x", "/%2Fevil.example/x"])
def test_no_path_makes_the_choice_of_language_a_link_to_another_site(house: House, path: str) -> None:
    text = page(house, f"http://testserver{path}").text
    links = re.findall(r'<a href="([^"]+)" lang=', text)
    assert links == ["/evil.example/x?lang=zh"]


@pytest.mark.parametrize("path", ["/checkout/0x12", "/checkout/0x" + "ab" * 32, "/checkout/x%00y"])
def test_a_link_that_leads_nowhere_says_so_calmly(house: House, path: str) -> None:
    answer = page(house, path)
    assert answer.status_code == 404
    assert "There is no such page" in answer.text


def test_the_parts_are_sent_again_only_when_they_changed(house: House) -> None:
    payment = house.create()["id"]
    first = page(house, f"/checkout/{payment}/parts")
    tag = first.headers["etag"]
    assert 'data-status="created"' in first.text
    unchanged = page(house, f"/checkout/{payment}/parts", **{"if-none-match": tag})
    assert (unchanged.status_code, unchanged.text) == (304, "")
    house.happen(payment, EventKind.PAYMENT_FUNDED, Status.FUNDED)
    changed = page(house, f"/checkout/{payment}/parts", **{"if-none-match": tag})
    assert 'data-status="funded"' in changed.text


def test_the_page_speaks_the_readers_language(house: House) -> None:
    payment = house.create()["id"]
    chinese = page(house, f"/checkout/{payment}", **{"accept-language": "zh-CN"})
    assert '<html lang="zh-Hans">' in chinese.text
    assert chinese.headers["vary"] == "Accept-Language"
    assert '<html lang="en">' in page(house, f"/checkout/{payment}?lang=en", **{"accept-language": "zh-CN"}).text


def test_old_links_lead_a_browser_on_and_a_program_not(house: House) -> None:
    made = house.create()
    old = f"/v1/checkout/{made['id']}"
    led = house.get(old, key=None, headers=HTML, follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (303, made["checkout_url"])
    assert house.get(old, key=None).json()["id"] == made["id"]


def test_only_what_anyone_may_send_is_relayed(house: House) -> None:
    payment = house.create()["id"]
    for verb in ("fund", "release", "refund", "confirm_delivery", "dispute", "resolve", "dismiss_operator"):
        answer = house.post(f"/checkout/{payment}/relay", {"verb": verb, "signed": SIGNED}, key=None)
        assert answer.status_code == 422, verb
    assert house.sender.submitted == []


def test_a_signed_payment_is_sent_by_the_host_once(house: House) -> None:
    payment = house.create()
    signed = {**SIGNED, "payer": payment["terms"]["merchant"], "valid_after": "0", "valid_before": "99999999999"}
    body = {"verb": "fund_with_authorization", "signed": signed}
    first, again = (house.post(f"/checkout/{payment['id']}/relay", body, key=None) for _ in range(2))
    assert (first.status_code, first.json()) == (202, again.json())
    (intent,) = house.sender.submitted
    assert intent.payment_id == payment["id"]
    assert intent.most_gas == 1_000_000, "a payer's contract may burn what it likes at the host's cost"
    # Another payer's useless signature stands in nobody's way.
    body["signed"] = {**signed, "payer": payment["terms"]["operator"]}
    assert house.post(f"/checkout/{payment['id']}/relay", body, key=None).status_code == 202
    assert len(house.sender.submitted) == 2


def test_a_forged_receipt_is_neither_sent_nor_drawn(house: House) -> None:
    payment = house.create()["id"]
    house.happen(payment, EventKind.PAYMENT_FUNDED, Status.FUNDED)
    body = {"verb": "release_with_receipt", "signed": SIGNED}
    assert house.post(f"/checkout/{payment}/relay", body, key=None).json()["code"] == "not_buyers_receipt"
    assert house.post(f"/checkout/{payment}/receipt_code", SIGNED, key=None).json()["code"] == "not_buyers_receipt"
    assert house.sender.submitted == []


def test_another_sites_page_cannot_use_the_relay(house: House) -> None:
    path = f"/checkout/{house.create()['id']}/relay"
    for site in ("cross-site", "same-site"):
        answer = house.post(path, {"verb": "reclaim"}, key=None, headers={"sec-fetch-site": site})
        assert (answer.status_code, answer.json()["code"]) == (422, "odd_request")


def test_the_relay_refuses_what_comes_too_often(house: House) -> None:
    path = f"/checkout/{house.create()['id']}/relay"
    statuses = [house.post(path, {"verb": "reclaim"}, key=None).status_code for _ in range(12)]
    assert statuses[0] == 409
    assert statuses[-1] == 429


def test_a_deposit_is_offered_only_where_somebody_collects_it(house: House) -> None:
    offered = 'data-way="deposit"'
    assert offered in checkout(house, buyer=BUYER).text
    with open_house() as other:
        add_pages(cast(FastAPI, other.client.app), make_site(other.services, relays=False))
        assert offered not in checkout(other, buyer=BUYER).text


def test_what_the_host_sends_for_a_buyer_is_audited_and_what_it_refuses_is_not(house: House) -> None:
    payment = house.create(buyer=BUYER)["id"]

    def written() -> list[str]:
        with house.store.read() as tx:
            return [each.deed.action for each in tx.audit.page(MERCHANT.id).items if each.deed.actor == "relay"]

    house.sender.refusal = Conflict("no")
    assert house.post(f"/checkout/{payment}/relay", {"verb": "collect"}, key=None).status_code == 409
    assert written() == []
    house.sender.refusal = None
    assert house.post(f"/checkout/{payment}/relay", {"verb": "collect"}, key=None).status_code == 202
    assert written() == ["payment.collect"]


def test_a_host_without_a_relay_says_so_and_offers_a_usual_tx() -> None:
    with open_house() as house:
        add_pages(cast(FastAPI, house.client.app), make_site(house.services, relays=False))
        payment = house.create()["id"]
        answer = house.post(f"/checkout/{payment}/relay", {"verb": "reclaim"}, key=None)
        assert (answer.status_code, answer.json()["code"]) == (503, "relay_off")
        house.happen(payment, EventKind.PAYMENT_FUNDED, Status.FUNDED)
        assert 'data-verb="release"' in page(house, f"/checkout/{payment}").text

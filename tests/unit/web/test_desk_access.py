"""Who may see which page of the desk: every route, walked one by one, and every way around the door."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from earnest.commands.create_key import hash_secret
from earnest.commands.scopes import SCOPES
from earnest.commands.sessions import IDLE_SECONDS, LONGEST_SECONDS
from earnest.payment.events import EventKind
from earnest.web.app import DESK
from earnest.web.desk.route import PUBLIC, SIGNED_IN, DeskRoute, desk_router
from earnest.web.desk.sign_in import own_path
from tests.support.ledger import BUYER, MERCHANT
from tests.unit.api.house import House
from tests.unit.web.desk import at_desk, stranger

ROUTES = sorted(
    (
        (method, route.path, route)
        for module in DESK
        for route in module.routes.routes
        if isinstance(route, DeskRoute)
        for method in route.methods or ()
    ),
    key=lambda each: (each[1], each[0]),
)
OPEN = {
    ("GET", "/desk/sign_in"),
    ("POST", "/desk/sign_in"),
    ("POST", "/desk/sign_in/ask"),
    ("POST", "/desk/sign_in/wallet"),
    ("POST", "/desk/sign_out"),
}
GUARDED = [(method, path, route.needs) for method, path, route in ROUTES if (method, path) not in OPEN]
SCOPED = [(method, path, route.scopes) for method, path, route in ROUTES if route.scopes]
AN_ID = "0x" + "ab" * 32


def filled(path: str) -> str:
    return path.replace("{id}", AN_ID).replace("{name}", "held")


def test_only_the_doors_are_open_and_every_page_is_a_desk_route() -> None:
    assert {(method, path) for method, path, route in ROUTES if route.needs == PUBLIC} == OPEN
    assert sum(len(module.routes.routes) for module in DESK) == len(ROUTES)


def test_a_page_that_does_not_say_what_it_needs_cannot_be_made() -> None:
    def endpoint() -> None:
        """Say nothing."""

    with pytest.raises(TypeError, match="does not say what it needs"):
        desk_router().get("/open")(endpoint)


@pytest.mark.parametrize(("method", "path", "_"), GUARDED)
def test_without_a_session_every_page_leads_to_signing_in(house: House, method: str, path: str, _: str) -> None:
    browser = stranger(house)
    answer = browser.get(filled(path)) if method == "GET" else browser.post(filled(path))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/desk/sign_in")


def test_without_one_of_its_scopes_nobody_gets_a_page_and_with_them_alone_everybody(patient_house: House) -> None:
    house = patient_house
    for needed in sorted({tuple(scopes) for _, _, scopes in SCOPED}):
        keys = [(house.new_key(*(SCOPES.keys() - {each})), False) for each in needed]
        for keyed, may in [*keys, (house.new_key(*needed), True)]:
            browser = at_desk(house, keyed)
            for method, path, scopes in SCOPED:
                if tuple(scopes) != needed:
                    continue
                answer = browser.get(filled(path)) if method == "GET" else browser.post(filled(path))
                assert (answer.status_code != 403) is may, (method, path, needed)
                assert ("lacks the scope" in answer.text) is not may, (method, path, needed)


def test_whoever_may_write_but_not_read_is_shown_nothing_on_the_way(house: House) -> None:
    payment = house.create(order_reference="secret-order", buyer=BUYER)["id"]
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    endpoint = house.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).json()["id"]
    key = house.get("/v1/keys").json()["data"][0]
    browser = at_desk(house, house.new_key("payments:write", "refunds:write", "webhooks:write", "keys:write"))
    for method, path, _ in SCOPED:
        for form in ({}, {"payment": payment, "sure": "yes"}):
            named = path.replace("{id}", key["id"] if "keys" in path else endpoint if "webhooks" in path else payment)
            answer = browser.get(filled(named)) if method == "GET" else browser.post(filled(named), form)
            assert answer.status_code == 403, (method, path)
            for secret in ("secret-order", BUYER, "shop.example", key["prefix"]):
                assert secret not in answer.text, (method, path)
    assert house.sender.submitted == []


def test_a_form_without_the_sessions_token_does_nothing(house: House) -> None:
    payment = house.create()["id"]
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    browser = at_desk(house)
    for token in ("", "0" * 64, hash_secret("other")):
        for method, path, _ in GUARDED:
            if method != "POST":
                continue
            answer = browser.post(path.replace("{id}", payment), {"token": token, "sure": "yes"})
            assert answer.status_code == 403, path
    assert house.sender.submitted == []


def test_a_form_of_another_site_is_refused_even_with_the_token(house: House) -> None:
    browser = at_desk(house)
    for site in ("cross-site", "same-site"):
        answer = browser.post("/desk/keys", {"role": "read_only"}, headers={"sec-fetch-site": site})
        assert answer.status_code == 403
    # Nobody can be signed in by another site either.
    door = stranger(house).post("/desk/sign_in", {"key": house.key}, headers={"sec-fetch-site": "cross-site"})
    assert door.status_code == 403
    assert "set-cookie" not in door.headers


def test_a_token_of_another_session_does_not_fit(house: House) -> None:
    first = at_desk(house).token
    browser = at_desk(house)
    assert browser.token != first
    assert browser.post("/desk/keys", {"token": first, "role": "read_only"}).status_code == 403


def test_the_cookie_is_for_our_pages_alone(house: House) -> None:
    answer = stranger(house).post("/desk/sign_in", {"key": house.key})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-earnest_desk=")
    for flag in ("HttpOnly", "Secure", "SameSite=strict", "Path=/", f"Max-Age={LONGEST_SECONDS}"):
        assert flag in cookie, flag
    assert "Domain" not in cookie


def test_the_session_is_kept_hashed_and_the_key_is_not_in_it(house: House) -> None:
    at_desk(house)
    secret = house.client.cookies["__Host-earnest_desk"]
    with house.store.read() as tx:
        (session,) = tx.sessions.list("mer_1")
        entries = tx.audit.page("mer_1").items
    assert session.hash == hash_secret(secret)
    assert secret not in repr(session)
    assert "session.begin" in {each.deed.action for each in entries}
    assert all(secret not in repr(each) and house.key not in repr(each) for each in entries)


def test_signing_in_never_takes_over_a_session_that_was_planted(house: House) -> None:
    planted = "A" * 43
    browser = stranger(house)
    house.client.cookies.set("__Host-earnest_desk", planted, domain="pay.example", path="/")
    browser.post("/desk/sign_in", {"key": house.key})
    with house.store.read() as tx:
        hashes = {each.hash for each in tx.sessions.list("mer_1")}
    assert hash_secret(planted) not in hashes
    assert len(hashes) == 1


def test_signing_in_again_ends_the_session_before(house: House) -> None:
    at_desk(house)
    before = house.client.cookies["__Host-earnest_desk"]
    at_desk(house)
    house.client.cookies.clear()
    house.client.cookies.set("__Host-earnest_desk", before, domain="pay.example", path="/")
    assert stranger_sees(house) == 303


def stranger_sees(house: House) -> int:
    answer = house.client.get("/desk", headers={"accept": "text/html"}, follow_redirects=False)
    return int(answer.status_code)


def test_signing_out_ends_the_session_on_the_server(house: House) -> None:
    browser = at_desk(house)
    secret = house.client.cookies["__Host-earnest_desk"]
    answer = browser.post("/desk/sign_out")
    assert answer.headers["location"] == "/desk/sign_in"
    house.client.cookies.set("__Host-earnest_desk", secret, domain="pay.example", path="/")
    assert stranger_sees(house) == 303


@pytest.mark.parametrize("passed", [IDLE_SECONDS, LONGEST_SECONDS])
def test_a_session_ends_by_itself(house: House, passed: int) -> None:
    browser = at_desk(house)
    start = house.moment[0]
    if passed == LONGEST_SECONDS:
        # Used all the time, it ends all the same.
        while house.moment[0] < start + passed - IDLE_SECONDS // 2:
            house.moment[0] += IDLE_SECONDS // 2
            assert browser.get("/desk").status_code == 200
        house.moment[0] = start + passed
    else:
        house.moment[0] = start + passed - 1
        assert browser.get("/desk").status_code == 200
        house.moment[0] += passed
    assert browser.get("/desk").status_code == 303


def test_a_session_ends_with_its_key(house: House) -> None:
    made = house.post("/v1/keys", {"scopes": ["payments:read"]}).json()
    browser = at_desk(house, made["secret"])
    assert browser.get("/desk/payments").status_code == 200
    house.call("DELETE", f"/v1/keys/{made['id']}")
    assert browser.get("/desk/payments").status_code == 303

    expiring = house.new_key("payments:read", expires_at=house.moment[0] + 60)
    browser = at_desk(house, expiring)
    house.moment[0] += 60
    assert browser.get("/desk/payments").status_code == 303


def test_a_key_that_is_not_valid_signs_nobody_in(house: House) -> None:
    browser = stranger(house)
    for key in ("", "ek_test_" + "a" * 43, house.key + "x", "x" * 5_000):
        answer = browser.post("/desk/sign_in", {"key": key})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert "This key is not valid" in answer.text


def test_who_tries_too_often_has_to_wait(house: House) -> None:
    browser = stranger(house)
    answers = [browser.post("/desk/sign_in", {"key": "ek_test_no"}).status_code for _ in range(25)]
    assert answers[0] == 403
    assert answers[-1] == 429


@pytest.mark.parametrize(
    ("asked", "goes"),
    [
        ("/desk/payments", "/desk/payments"),
        ("/desk/payments/" + AN_ID, "/desk/payments/" + AN_ID),
        ("https://evil.example/desk", "/desk"),
        ("//evil.example", "/desk"),
        ("/desk//evil.example", "/desk"),
        ("/desk/../admin", "/desk"),
        ("/deskevil", "/desk"),
        ("/desk/sign_in", "/desk"),
        ("/desk\nSet-Cookie: a=b", "/desk"),
        ("javascript:alert(1)", "/desk"),
    ],
)
def test_signing_in_leads_to_our_own_pages_only(asked: str, goes: str) -> None:
    assert own_path(asked) == goes


def test_another_merchants_things_are_not_there(house: House) -> None:
    payment = house.create(order_reference="secret-order")["id"]
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    endpoint = house.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).json()["id"]
    key = house.get("/v1/keys").json()["data"][0]["id"]
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2", name="Another"))
    browser = at_desk(house, house.new_key(*SCOPES, merchant="mer_2"))
    for path in (f"/desk/payments/{payment}", f"/desk/payments/{payment}/refund", f"/desk/webhooks/{endpoint}"):
        assert browser.get(path).status_code == 404, path
    asked: list[tuple[str, dict[str, Any]]] = [
        (f"/desk/payments/{payment}/confirm_delivery", {}),
        (f"/desk/payments/{payment}/refund", {"how_much": "all", "sure": "yes"}),
        (f"/desk/keys/{key}/revoke", {"sure": "yes"}),
        *((f"/desk/webhooks/{endpoint}/{deed}", {"sure": "yes"}) for deed in ("test", "disable", "enable")),
        *((f"/desk/webhooks/{endpoint}/{deed}", {"sure": "yes"}) for deed in ("rotate_secret", "replay", "delete")),
    ]
    for path, form in asked:
        assert browser.post(path, form).status_code == 404, path
    for verb in ("confirm_delivery_many", "release_many"):
        answer = browser.post(f"/desk/payments/{verb}", {"payment": payment, "sure": "yes"})
        assert "secret-order" not in answer.text
    for path in ("/desk", "/desk/payments", "/desk/reports/settlements.csv"):
        assert "secret-order" not in browser.get(path).text, path
    assert "No payment fits" in browser.get("/desk/payments?q=secret-order").text
    assert house.sender.submitted == []


def test_pages_tell_browsers_to_keep_nothing_and_run_only_ours(house: House) -> None:
    answer = at_desk(house).get("/desk/payments")
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


def test_needs_say_only_what_there_is() -> None:
    assert {needed for _, _, needed in GUARDED} <= {SIGNED_IN, *SCOPES}
    for method, path, scopes in SCOPED:
        # A deed shows what it is about, so that whoever does it must be allowed to see that.
        area = next(name for name in ("payments", "webhooks", "keys", "") if f"/{name}" in path)
        assert f"{area or 'payments'}:read" in scopes, (method, path)

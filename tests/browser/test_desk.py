"""The merchant's desk in a real browser: signing in, fifty at once, a refund, searching, webhooks, and axe."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from earnest.cli.demo.run import account_of
from earnest.escrow import txs
from earnest.payment.primitives import Address
from earnest.payment.representation import parse_terms
from earnest.testing.webhook_receiver import WebhookReceiver
from tests.browser.shop import DESKTOP, PATIENCE_MS, PHONE, Shop, press
from tests.browser.test_quality import violations

MANY = 50
PLACES = (
    "",
    "/payments",
    "/payments?q=nothing",
    "/balances",
    "/reports",
    "/webhooks",
    "/keys",
    "/sessions",
    "/settings",
)


def sold(shop: Shop, reference: str, value: str = "0.002", **terms: Any) -> dict[str, Any]:
    """Return a payment in coin that was paid; by the buyer's own key, since his pages have tests of their own."""
    payment = shop.create(value, "ETH", order_reference=reference, **terms)
    escrow, chain_id = shop.stack.deployment.address, shop.stack.network.chain_id
    shop.chain.send(
        txs.fund(escrow, chain_id, parse_terms(payment["terms"]), Address(shop.buyer.address)), by=shop.buyer
    )
    return payment


def desk(shop: Shop, path: str = "/desk", **how: Any) -> Page:
    """Return the desk of somebody who signed in."""
    page = shop.visit({"checkout_url": f"{shop.stack.api_url}{path}"}, **how)
    page.locator("#key").fill(shop.api.headers["authorization"].removeprefix("Bearer "))
    page.locator("main form button").click()
    page.wait_for_selector("nav.rooms")
    return page


def go(shop: Shop, page: Page, path: str) -> None:
    """Open another page of the desk."""
    page.goto(f"{shop.stack.api_url}/desk{path}")
    page.wait_for_selector("html[data-ready]")


def test_a_merchant_signs_in_and_out(shop: Shop) -> None:
    page = shop.visit({"checkout_url": f"{shop.stack.api_url}/desk/payments"})
    expect(page.get_by_role("heading", name="Sign in to your desk")).to_be_visible()
    page.get_by_label("API key").fill(shop.api.headers["authorization"].removeprefix("Bearer "))
    press(page, "Sign in")
    expect(page.get_by_role("heading", name="Payments", exact=True)).to_be_visible()
    assert page.url.endswith("/desk/payments")
    assert page.evaluate("document.cookie") == ""
    (cookie,) = [each for each in page.context.cookies() if "desk" in each["name"]]
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    press(page, "Sign out")
    go(shop, page, "")
    expect(page.get_by_role("heading", name="Sign in to your desk")).to_be_visible()


def test_a_merchant_signs_a_lost_laptop_out(shop: Shop) -> None:
    lost, page = desk(shop), desk(shop)
    page.get_by_role("link", name="Sessions").click()
    expect(page.get_by_text("this session")).to_have_count(1)
    press(page, "Sign out all others")
    expect(page.get_by_text("Signed out:")).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)
    go(shop, lost, "/payments")
    expect(lost.get_by_role("heading", name="Sign in to your desk")).to_be_visible()


def test_a_merchant_signs_in_by_the_wallet_that_is_paid(shop: Shop) -> None:
    wallet = shop.wallet(account_of("merchant"))
    page = shop.visit({"checkout_url": f"{shop.stack.api_url}/desk/keys"}, wallet)
    wallet.reject_next("personal_sign")
    press(page, "Sign in with Test Wallet")
    expect(page.get_by_text("You declined in the wallet")).to_be_visible()
    box = page.get_by_role("button", name="Sign in with Test Wallet").bounding_box()
    assert box is not None
    assert box["height"] < 60, "the wallet's own icon is as large as it likes"
    press(page, "Sign in with Test Wallet")
    expect(page.get_by_role("heading", name="Keys", exact=True)).to_be_visible()
    expect(page.get_by_text("you are signed in with it")).to_have_count(0)


def test_a_merchant_confirms_fifty_at_once(shop: Shop) -> None:
    bought = [sold(shop, f"batch-{number:02}") for number in range(MANY)]
    shop.wait_status(bought[-1], "funded")
    page = desk(shop, "/desk/payments")
    page.get_by_label("Tick all").check()
    expect(page.locator("#count")).to_have_text(f"{MANY} ticked")
    press(page, "Confirm delivery")
    expect(page.get_by_role("heading", name=f"Confirm {MANY} deliveries")).to_be_visible()
    press(page, f"Confirm {MANY} deliveries")
    expect(page.get_by_role("heading", name=f"{MANY} confirmations sent")).to_be_visible()
    expect(page.get_by_role("heading", name=f"{MANY} in one transaction")).to_be_visible()
    for payment in (bought[0], bought[-1]):
        shop.wait_status(payment, "delivered")
    go(shop, page, "/payments")
    expect(page.get_by_role("cell", name="Delivered", exact=True)).to_have_count(MANY)


def test_a_merchant_refunds_a_part_and_sees_it_come_back(shop: Shop) -> None:
    payment = sold(shop, "refund-me", "0.05")
    shop.wait_status(payment, "funded")
    page = desk(shop, f"/desk/payments/{payment['id']}")
    page.get_by_role("link", name="Refund", exact=True).click()
    page.get_by_label("Amount in ETH").fill("0.02")
    press(page, "Continue")
    expect(page.get_by_text("This cannot be taken back")).to_be_visible()
    press(page, "Refund 0.02 ETH")
    # Without anybody loading the page again.
    refunded = page.locator(".timeline li").filter(has_text="Refunded")
    expect(refunded).to_contain_text("To the buyer: 0.02 ETH", timeout=PATIENCE_MS)
    expect(refunded).to_contain_text("Still held: 0.03 ETH")
    assert shop.payment(payment)["held"]["value"] == "0.03"


def test_a_merchant_filters_and_searches(shop: Shop) -> None:
    sold(shop, "find <b>me</b> & no other")
    shop.wait_status(shop.create(order_reference="unpaid-one"), "created")
    page = desk(shop, "/desk/payments")
    page.get_by_label("Order reference or payment id").fill("find <b>me</b> & no other")
    press(page, "Search")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody th")).to_have_text("find <b>me</b> & no other")
    page.get_by_role("link", name="Clear").click()
    page.get_by_label("Status").select_option(label="Unpaid")
    press(page, "Search")
    expect(page.get_by_role("link", name="unpaid-one")).to_be_visible()
    expect(page.get_by_role("link", name="find <b>me")).to_have_count(0)
    page.get_by_label("Order reference or payment id").fill("Unpaid-One")
    press(page, "Search")
    expect(page.get_by_role("heading", name="No payment fits")).to_be_visible()


def test_a_merchant_adds_an_endpoint_and_tests_it(shop: Shop) -> None:
    with WebhookReceiver() as receiver:
        page = desk(shop, "/desk/webhooks")
        page.get_by_label("Address").fill(receiver.url)
        press(page, "Add endpoint")
        receiver.trust(page.locator(".secret code").inner_text())
        page.get_by_role("link", name="I have kept it").click()
        press(page, "Send a test")
        expect(page.get_by_text(re.compile("The test arrived: 20[04] after"))).to_be_visible(timeout=PATIENCE_MS)
        # Of other tests' payments he may be told meanwhile.
        assert [each.verified for each in receiver.received if each.type == "endpoint.test"] == [True]
        sold(shop, "told")
        receiver.wait_for("payment.funded", timeout=PATIENCE_MS / 1_000)
        page.reload()
        expect(page.get_by_role("cell", name="payment.funded").or_(page.locator("tbody th"))).not_to_have_count(0)
        press(page, "Switch off")
        expect(page.get_by_text("The endpoint is off")).to_be_visible()


@pytest.mark.parametrize(
    ("size", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone in the light", "desktop in the dark"]
)
def test_axe_finds_nothing_and_nothing_stands_over_the_edge(shop: Shop, size: dict[str, int], scheme: str) -> None:
    payment = sold(shop, "an order reference without an end-" + "x" * 120)
    shop.wait_status(payment, "funded")
    page = desk(shop, size=size, color_scheme=scheme)
    one = f"/payments/{payment['id']}"
    for path in (*PLACES, one, f"{one}/refund", f"{one}/confirm_delivery"):
        go(shop, page, path)
        assert violations(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        for room in page.locator(".rooms a").all():
            box = room.bounding_box()
            assert box is not None
            assert box["x"] + box["width"] <= size["width"], f"a room's name runs off the edge of {path}"
    press(page, "Sign out")
    page.wait_for_selector("#key")
    assert violations(page) == []


def test_the_desk_speaks_chinese_and_remembers(shop: Shop) -> None:
    page = desk(shop)
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", name="总览")).to_be_visible()
    go(shop, page, "/payments")
    expect(page.get_by_role("heading", name="付款", exact=True)).to_be_visible()

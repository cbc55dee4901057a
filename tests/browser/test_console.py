"""The developer's console in a real browser: what happens shows by itself, and its buttons do what they say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Page, expect

from earnest.client import Client
from earnest.testing.shop import Shop as Merchant
from tests.browser.shop import PATIENCE_MS, PHONE, Shop, press
from tests.browser.test_quality import violations


@pytest.fixture
def merchant(shop: Shop) -> Iterator[Merchant]:
    key = shop.api.headers["authorization"].removeprefix("Bearer ")
    with closing(Client(shop.stack.api_url, key)) as client:
        yield Merchant(client, shop.chain)


def console(shop: Shop, merchant: Merchant | None, **how: object) -> Page:
    """Open the console, by the link that `earnest dev` prints or without a key."""
    key = f"#key={merchant.api_key}" if merchant else ""
    return shop.visit({"checkout_url": f"{shop.stack.api_url}/console{key}"}, **how)  # type: ignore[arg-type]


def outcome(page: Page, text: str) -> None:
    expect(page.locator("#outcome")).to_contain_text(text, timeout=PATIENCE_MS)


def newest(page: Page) -> int:
    """Return the block that the outcome of a button names."""
    outcome(page, "The newest block is")
    found = re.search(r"The newest block is (\d+)", page.locator("#outcome").inner_text())
    assert found is not None
    return int(found[1])


def test_blocks_and_webhooks_come_as_they_happen(shop: Shop, merchant: Merchant) -> None:
    page = console(shop, merchant)
    assert merchant.api_key not in page.url, "the key stays in the address bar"
    press(page, "Create")
    outcome(page, "Created a payment of 12.50 tUSD.")
    link = page.get_by_role("link", name="Open its checkout")
    payment = merchant.take_up(str(link.get_attribute("href")).rpartition("/")[2])
    payment.fund()
    expect(page.locator("#block-rows")).to_contain_text("buyer → escrow fund", timeout=PATIENCE_MS)
    funded = page.locator("#hook-rows li", has_text=payment.id[-6:]).filter(has_text="funded")
    expect(funded.first).to_contain_text("12.50 tUSD", timeout=PATIENCE_MS)
    assert violations(page) == []


def test_the_buttons_turn_the_clock_and_the_blocks(shop: Shop, merchant: Merchant) -> None:
    merchant.settle()
    page = console(shop, merchant)
    before = shop.chain.head
    page.get_by_label("Mine blocks").fill("3")
    press(page, "Mine")
    mined = newest(page)
    assert mined >= before.number + 3  # the chain mines by itself too
    press(page, "Travel")
    expect(page.locator("#outcome")).not_to_contain_text(f"The newest block is {mined},", timeout=PATIENCE_MS)
    assert newest(page) > mined
    assert shop.chain.head.timestamp >= before.timestamp + 3_600
    gone = shop.chain.head
    expect(page.locator("#block-rows")).to_contain_text(gone.hash[-6:], timeout=PATIENCE_MS)
    page.get_by_label("Drop the newest blocks").fill("3")  # two may have come since by themselves
    press(page, "Reorg")
    row = page.locator("#block-rows li.gone", has_text=gone.hash[-6:])
    expect(row).to_contain_text("dropped", timeout=PATIENCE_MS)
    expect(page.locator("#block-rows")).to_contain_text(shop.chain.head.hash[-6:], timeout=PATIENCE_MS)
    assert violations(page) == []


def test_faults_are_ordered_and_forgotten(shop: Shop, merchant: Merchant) -> None:
    page = console(shop, merchant)
    press(page, "Fail")
    outcome(page, "Still to fail: eth_sendRawTransaction × 1.")
    press(page, "Forget all faults")
    outcome(page, "Nothing is going to fail.")


def test_without_a_key_the_blocks_come_and_the_page_asks_for_one(shop: Shop, merchant: Merchant) -> None:
    page = console(shop, None, size=PHONE)
    expect(page.locator("#block-rows > li").first).to_be_visible(timeout=PATIENCE_MS)
    press(page, "Mine")
    outcome(page, "Give the merchant's API key first.")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than a phone"
    page.get_by_label("The merchant's API key").fill(merchant.api_key)
    press(page, "Use this key")
    press(page, "Mine")
    outcome(page, "The newest block is")


def test_the_console_speaks_chinese(shop: Shop, merchant: Merchant) -> None:
    page = console(shop, merchant, language="zh-CN")
    expect(page.get_by_role("heading", name="控制台")).to_be_visible()
    press(page, "重组")
    outcome(page, "最新区块是")


def test_a_browser_without_a_wallet_pays_with_the_developers(shop: Shop, merchant: Merchant) -> None:
    page = console(shop, merchant)
    press(page, "Create")
    page.get_by_role("link", name="Open its checkout").click()
    page.wait_for_selector("html[data-ready]")
    payment = merchant.take_up(page.url.rpartition("/")[2])
    press(page, "Pay with Developer's wallet")
    press(page, "Continue in the wallet")
    payment.expect("funded", held="12.50")


def test_a_checkout_knows_no_developers_wallet_before_the_console_was_open(shop: Shop) -> None:
    page = shop.visit(shop.create(), shop.wallet())
    expect(page.get_by_role("button", name="Pay with Test Wallet", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Developer")).to_have_count(0)

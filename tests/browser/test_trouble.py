"""What a page says while something of the host's is down: calm, true, and gone by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import expect

from earnest.escrow import txs
from earnest.payment.primitives import Address
from earnest.payment.representation import parse_terms
from tests.browser.shop import Shop, press, says
from tests.browser.test_desk import desk

LONG_MS = 60_000
"""A follower fails a few times before it is said, and waits longer after each."""


@contextmanager
def stopped_chain(shop: Shop) -> Iterator[None]:
    """Let the node be away."""
    chain = shop.stack.chain
    assert chain is not None
    chain.stop()
    try:
        yield
    finally:
        shop.stack.start_chain()


def test_while_the_node_is_away_the_pages_say_so_and_catch_up(shop: Shop) -> None:
    payment = shop.create("0.05", "ETH")
    page, merchant = shop.visit(payment), desk(shop)
    behind = page.get_by_text("The service does not see the newest blocks at the moment")
    expect(behind).to_have_count(0)
    with stopped_chain(shop):
        expect(behind).to_be_visible(timeout=LONG_MS)
        says(page, "Waiting for your payment")
        merchant.reload()
        expect(merchant.get_by_role("heading", name="The newest blocks are not seen")).to_be_visible()
    expect(behind).to_have_count(0, timeout=LONG_MS)
    escrow, chain_id = shop.stack.deployment.address, shop.stack.network.chain_id
    fund = txs.fund(escrow, chain_id, parse_terms(payment["terms"]), Address(shop.buyer.address))
    shop.chain.send(fund, by=shop.buyer)
    says(page, "Paid: your money is in escrow")


def test_while_the_service_is_away_the_page_stays_and_says_what_cannot_be_done(shop: Shop) -> None:
    payment = shop.create()
    page = shop.visit(payment, shop.wallet())
    shop.stack.service.stop()
    try:
        expect(page.locator("#offline")).to_be_visible()
        press(page, "Pay with Test Wallet")
        expect(page.get_by_role("dialog")).to_contain_text("There is no connection to the service")
        expect(page.get_by_role("dialog")).to_contain_text("Nothing was sent")
    finally:
        shop.stack.start_service()
    expect(page.locator("#offline")).to_be_hidden(timeout=LONG_MS)
    press(page, "Try again")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    shop.said = [each for each in shop.said if "ERR_" not in each]

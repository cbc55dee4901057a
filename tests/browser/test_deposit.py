"""Paying from an exchange: a plain transfer to the payment's own address."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from earnest.escrow.txs import UnsignedTx, encode_call
from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from earnest.payment.primitives import Address
from tests.browser.shop import Shop, press, says

HOUR = 3_600


def opened(shop: Shop) -> tuple[dict[str, Any], Page]:
    """Return a payment for a buyer who is named, and its page with the deposit address open."""
    payment = shop.create("30.00", buyer=shop.buyer.address)
    page = shop.visit(payment)
    page.get_by_text("From an exchange, or by a plain transfer").click()
    return payment, page


def transfer(shop: Shop, to: str, base_units: int) -> None:
    """Send plain tokens, as an exchange does."""
    data = encode_call("transfer", ["address", "uint256"], [to, base_units])
    tx = UnsignedTx(Address(TEST_TOKEN_ADDRESS), data, 0, shop.stack.network.chain_id)
    shop.chain.send(tx, by=shop.chain.accounts[8])


def test_a_deposit_with_surplus_funds_and_the_surplus_goes_back(shop: Shop) -> None:
    payment, page = opened(shop)
    address = payment["deposit_address"]
    way = page.locator("[data-way=deposit]")
    for warning in ("Only tUSD on the development chain", "Less than the amount does not pay", "It must arrive before"):
        expect(way).to_contain_text(warning)
    expect(way).to_contain_text(address)
    press(page, "I have sent it")
    expect(way).to_contain_text("Nothing has arrived at the deposit address yet")
    before = shop.balance(shop.buyer.address)
    transfer(shop, address, 20_000_000)
    expect(way).to_contain_text("20.00 tUSD arrived, which is less than the amount")
    transfer(shop, address, 12_500_000)
    says(page, "Paid: your money is in escrow")
    expect(page.locator("[data-part=status]")).to_contain_text("2.50 tUSD that was too much")
    assert shop.balance(shop.buyer.address) == before + 2_500_000


def test_a_deposit_is_collected_after_the_page_was_closed(shop: Shop) -> None:
    payment, page = opened(shop)
    press(page, "I have sent it")
    expect(page.locator("[data-way=deposit]")).to_contain_text("you may close this page")
    page.close()
    transfer(shop, payment["deposit_address"], 30_000_000)
    shop.wait_status(payment, "funded")


def test_what_came_too_late_is_sent_back(shop: Shop) -> None:
    payment, page = opened(shop)
    shop.travel(HOUR + 1)
    says(page, "The time to pay is over")
    transfer(shop, payment["deposit_address"], 30_000_000)
    before = shop.balance(shop.buyer.address)
    press(page, "Send it back")
    expect(page.locator("[data-part=status]")).to_contain_text("30.00 tUSD that was too much, or came too late")
    assert shop.balance(shop.buyer.address) == before + 30_000_000


def test_shortly_before_the_end_the_deposit_address_is_closed(shop: Shop) -> None:
    _, page = opened(shop)
    shop.travel(HOUR - 600)
    expect(page.locator("[data-way=deposit]")).to_contain_text("It is too late to pay by a plain transfer")

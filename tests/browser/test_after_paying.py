"""After paying: received, disputed, taken back, and the receipt at the door."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from earnest.cli.demo.run import account_of
from earnest.escrow import txs
from earnest.payment.primitives import Address
from earnest.payment.representation import parse_terms
from tests.browser.shop import Shop, dialog_says, press, says
from tests.browser.wallet import BrowserWallet

DAY = 86_400


def paid(shop: Shop, **terms: Any) -> tuple[dict[str, Any], BrowserWallet, Page]:
    """Return a payment that was paid in coin on its page, by one tx."""
    payment, wallet = shop.create("0.05", "ETH", **terms), shop.wallet()
    page = shop.visit(payment, wallet)
    press(page, "Pay with Test Wallet")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    return payment, wallet, page


def test_a_buyer_takes_it_back_once_the_time_to_deliver_is_over(shop: Shop) -> None:
    payment, wallet, page = paid(shop)
    expect(page.get_by_text("you can take 0.05 ETH back from then on")).to_be_visible()
    expect(page.get_by_role("button", name="Take it back")).to_have_count(0)
    shop.travel(7 * DAY)
    says(page, "Not delivered in time")
    before, sent = shop.rpc.balance(Address(shop.buyer.address)), len(wallet.sent)
    press(page, "Take it back")
    dialog_says(page, "No wallet is needed, and you pay no network fee")
    press(page, "Do it")
    says(page, "You have your money back")
    assert shop.rpc.balance(Address(shop.buyer.address)) == before + 5 * 10**16
    assert len(wallet.sent) == sent
    shop.wait_status(payment, "reclaimed")


def test_a_buyer_disputes_and_the_arbiter_decides(shop: Shop) -> None:
    payment, wallet, page = paid(shop)
    expect(page.get_by_role("button", name="Dispute the delivery")).to_have_count(0)
    shop.confirm_delivery(payment)
    says(page, "Delivered, says The sample shop")
    press(page, "Dispute the delivery")
    dialog_says(page, "The money stays in escrow until the arbiter decides")
    press(page, "Continue in the wallet")
    says(page, "You disputed the delivery")
    expect(page.get_by_text("you can take 0.05 ETH back from then on")).to_be_visible()

    told = shop.payment(payment)
    terms, escrow = parse_terms(told["terms"]), shop.stack.deployment.address
    decision = txs.resolve(escrow, shop.stack.network.chain_id, terms, 4 * 10**16, 10**16)
    shop.chain.send(decision, by=account_of("arbiter"))
    says(page, "The arbiter has decided")
    expect(page.locator("[data-part=status]")).to_contain_text("0.04 ETH went back to you, 0.01 ETH to The sample shop")
    assert wallet.asked.count("eth_sendTransaction") == 2


def test_a_receipt_is_signed_ahead_and_taken_at_the_door(shop: Shop) -> None:
    payment, wallet, page = paid(shop)
    press(page, "Receipt to show at the door")
    dialog_says(page, "Nothing is sent now")
    press(page, "Continue in the wallet")
    expect(page.get_by_role("img", name="QR code of your signed receipt")).to_be_visible()
    assert wallet.asked.count("eth_sendTransaction") == 1
    assert shop.payment(payment)["status"] == "funded"
    page.reload()
    expect(page.get_by_role("img", name="QR code of your signed receipt")).to_be_visible()

    press(page, "Hide the code")
    expect(page.get_by_role("img", name="QR code of your signed receipt")).to_be_hidden()
    press(page, "Receipt to show at the door")
    expect(page.get_by_role("img", name="QR code of your signed receipt")).to_be_visible()
    assert len(wallet.signatures) == 1  # shown again, not signed again

    # The courier scans it with a phone that has no wallet.
    courier = shop.visit({"checkout_url": f"{payment['checkout_url']}#receipt={receipt_of(wallet)}"})
    expect(courier.get_by_role("heading", name="You scanned a buyer’s receipt")).to_be_visible()
    press(courier, "Take the receipt")
    says(courier, "Done: The sample shop is paid")
    says(page, "Done: The sample shop is paid")


def receipt_of(wallet: BrowserWallet) -> str:
    """Return the receipt that a wallet signed; the same key signs the same message to the same bytes."""
    return wallet.signatures[-1]


def test_what_the_token_refused_is_withdrawn_later(shop: Shop) -> None:
    payment, wallet = shop.create("15.00", "bUSD"), shop.wallet()
    page = shop.visit(payment, wallet)
    press(page, "Pay with Test Wallet")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    shop.block(wallet.account, True)
    shop.api.post(f"/v1/payments/{payment['id']}/refund").raise_for_status()
    says(page, "Refunded by The sample shop")
    expect(page.get_by_text("15.00 bUSD could not be sent to you")).to_be_visible()
    shop.block(wallet.account, False)
    press(page, "Withdraw it")
    dialog_says(page, "Withdraw what the escrow owes the buyer")
    press(page, "Continue in the wallet")
    expect(page.get_by_text("15.00 bUSD could not be sent to you")).to_have_count(0)
    expect(page.locator("#doing")).to_be_hidden()

"""What happens to a page in the middle of things: reloads, lost connections, other devices, reorgs, replaced txs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, expect

from earnest.chain.errors import RpcError
from earnest.testing.dev_chain import Keep
from tests.browser.shop import PHONE, Shop, dialog_says, press, says
from tests.browser.test_after_paying import paid

TRIES = 3


@contextmanager
def nothing_mined(shop: Shop) -> Iterator[None]:
    """Keep txs waiting; what waits at the end is mined."""
    shop.rpc.call("evm_setAutomine", [False])
    try:
        yield
    finally:
        shop.rpc.call("evm_setAutomine", [True])
        shop.chain.mine()


def pay_coin(page: Page) -> None:
    press(page, "Pay with Test Wallet")
    press(page, "Continue in the wallet")
    expect(page.get_by_role("heading", name="On its way")).to_be_visible()


def test_a_reload_in_the_middle_goes_on_where_it_was(shop: Shop) -> None:
    payment, wallet = shop.create("0.05", "ETH"), shop.wallet()
    page = shop.visit(payment, wallet)
    with nothing_mined(shop):
        pay_coin(page)
        page.reload()
        expect(page.get_by_role("heading", name="On its way")).to_be_visible()
        expect(page.get_by_text("Waiting for your payment")).to_be_hidden()
    says(page, "Paid: your money is in escrow")
    expect(page.get_by_role("heading", name="On its way")).to_be_hidden()
    assert wallet.asked.count("eth_sendTransaction") == 1


def test_a_reload_between_the_approval_and_the_payment_asks_for_the_payment_alone(shop: Shop) -> None:
    payment, wallet = shop.create("7.25"), shop.wallet()
    page = shop.visit(payment, wallet)
    with nothing_mined(shop):
        press(page, "Pay with Test Wallet")
        press(page, "Pay with a usual transaction instead")
        dialog_says(page, "Step 1 of 2")
        press(page, "Continue in the wallet")
        dialog_says(page, "The approval is on its way. Stay on this page")
        page.reload()
    press(page, "Pay with Test Wallet")
    press(page, "Pay with a usual transaction instead")
    dialog_says(page, "Pay 7.25 tUSD into escrow")
    expect(page.get_by_role("dialog")).not_to_contain_text("Step 1")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    assert wallet.asked.count("eth_sendTransaction") == 2


def test_a_wallet_that_answers_late_does_not_hold_up_what_is_over(shop: Shop) -> None:
    payment, wallet = shop.create("0.05", "ETH"), shop.wallet()
    wallet.takes_seconds["eth_getTransactionReceipt"] = 3.0
    page = shop.visit(payment, wallet)
    press(page, "Pay with Test Wallet")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    page.wait_for_timeout(3_500)  # by now it has answered, to a page that knows already
    assert "eth_getTransactionReceipt" in wallet.asked
    expect(page.get_by_role("heading", name="On its way")).to_be_hidden()
    shop.confirm_delivery(payment)
    press(page, "I received it")


def test_another_device_shows_the_same_and_needs_no_wallet(shop: Shop) -> None:
    payment, _, _ = paid(shop)
    phone = shop.visit(payment, size=PHONE)
    says(phone, "Paid: your money is in escrow")
    shop.confirm_delivery(payment)
    says(phone, "Delivered, says The sample shop")


def test_a_lost_connection_is_said_and_made_up_for(shop: Shop) -> None:
    payment = shop.create("0.05", "ETH")
    page, other = shop.visit(payment), shop.visit(payment, wallet := shop.wallet())
    page.context.set_offline(True)
    expect(page.locator("#offline")).to_be_visible()
    pay_coin(other)
    says(other, "Paid: your money is in escrow")
    page.context.set_offline(False)
    says(page, "Paid: your money is in escrow")
    expect(page.locator("#offline")).to_be_hidden()
    assert wallet.sent
    shop.said = [each for each in shop.said if "ERR_INTERNET_DISCONNECTED" not in each]


def test_a_reorg_takes_the_page_back_and_it_says_why(shop: Shop) -> None:
    for _ in range(TRIES):
        payment, _wallet, page = paid(shop)
        block = shop.payment(payment)["block"]["number"]
        try:
            shop.chain.reorg(shop.chain.head.number - block + 1, keep=Keep.NONE)
        except RpcError:
            continue  # final already: the machine was busy
        break
    says(page, "Waiting for your payment")
    reason = page.get_by_role("alert")
    expect(reason).to_contain_text(f"The network took back block {block}, and your payment was in it")
    expect(reason).to_contain_text("never lost")
    page.reload()
    expect(page.get_by_role("alert")).to_contain_text(f"took back block {block}")
    # Paid again, it is in another block, and there is nothing more to explain.
    press(page, "Pay with Test Wallet")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_tx_that_was_sped_up_is_one_payment(shop: Shop) -> None:
    payment, wallet = shop.create("0.05", "ETH"), shop.wallet()
    page = shop.visit(payment, wallet)
    with nothing_mined(shop):
        pay_coin(page)
        wallet.send_again()
    says(page, "Paid: your money is in escrow")
    expect(page.get_by_role("heading", name="On its way")).to_be_hidden()
    assert shop.payment(payment)["amount"]["value"] == "0.05"


def test_a_tx_that_was_cancelled_in_the_wallet_is_told_and_can_be_done_again(shop: Shop) -> None:
    payment, wallet = shop.create("0.05", "ETH"), shop.wallet()
    page = shop.visit(payment, wallet)
    with nothing_mined(shop):
        pay_coin(page)
        wallet.send_again(to=wallet.account.address)
    expect(page.get_by_role("heading", name="Replaced in your wallet")).to_be_visible()
    says(page, "Waiting for your payment")
    press(page, "Pay with Test Wallet")
    press(page, "Continue in the wallet")
    says(page, "Paid: your money is in escrow")

"""Pictures of every page at a phone's and a desktop's width: `python -m tests.browser.screenshots`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from playwright.sync_api import Page, sync_playwright

from deploy.tools.browser import CHROMIUM_OPTIONS, set_up_browser
from deploy.tools.setup import ROOT
from earnest.cli.sample import sample_merchant
from earnest.client import Client
from earnest.testing.shop import Shop as Merchant
from earnest.testing.stack import LocalStack
from tests.browser.desk_pictures import DESK_PAGES
from tests.browser.shop import DESKTOP, PHONE, Shop, dialog_says, press, says
from tests.browser.test_after_paying import paid
from tests.browser.test_console import console as open_console

IMAGES: Final = ROOT / "docs" / "images"
DAY: Final = 86_400
Sizes = dict[str, int]


def waiting(shop: Shop, size: Sizes) -> Page:
    """Return a page before paying."""
    return shop.visit(shop.create(**BOUGHT), shop.wallet(), size=size)


def review(shop: Shop, size: Sizes) -> Page:
    """Return a page that says what will be signed."""
    page = waiting(shop, size)
    press(page, "Pay with Test Wallet")
    press(page, "Pay with a usual transaction instead")
    dialog_says(page, "Pay 12.50 tUSD into escrow")
    return page


def ways(shop: Shop, size: Sizes) -> Page:
    """Return a page with every way to pay opened, for a buyer who is named."""
    page = shop.visit(shop.create("30.00", buyer=shop.buyer.address, **BOUGHT), size=size)
    page.get_by_text("From an exchange, or by a plain transfer").click()
    return page


def delivered(shop: Shop, size: Sizes) -> Page:
    """Return a page while the buyer may dispute."""
    payment, wallet, _ = paid(shop, **BOUGHT)
    shop.confirm_delivery(payment)
    page = shop.visit(payment, wallet, size=size)
    says(page, "Delivered, says The sample shop")
    return page


def receipt(shop: Shop, size: Sizes) -> Page:
    """Return a page with the receipt for the door."""
    payment, wallet, _ = paid(shop, **BOUGHT)
    page = shop.visit(payment, wallet, size=size)
    press(page, "Receipt to show at the door")
    press(page, "Continue in the wallet")
    page.get_by_role("img", name="QR code of your signed receipt").wait_for()
    return page


def overdue(shop: Shop, size: Sizes) -> Page:
    """Return a page when nothing was delivered in time."""
    payment, wallet, _ = paid(shop, **BOUGHT)
    shop.travel(7 * DAY)
    page = shop.visit(payment, wallet, size=size)
    says(page, "Not delivered in time")
    return page


def released(shop: Shop, size: Sizes) -> Page:
    """Return a page at its end."""
    payment, wallet, first = paid(shop, **BOUGHT)
    press(first, "I received it")
    press(first, "Continue in the wallet")
    says(first, "Done: The sample shop is paid")
    page = shop.visit(payment, wallet, size=size)
    says(page, "Done: The sample shop is paid")
    return page


def chinese(shop: Shop, size: Sizes) -> Page:
    """Return a page in Chinese, in the dark."""
    return shop.visit(shop.create(**BOUGHT), shop.wallet(), size=size, language="zh-CN", color_scheme="dark")


def missing(shop: Shop, size: Sizes) -> Page:
    """Return what stands where there is no page."""
    page = waiting(shop, size)
    page.goto(shop.stack.api_url + "/checkout/0x" + "ab" * 32)
    return page


BOUGHT: Final = {"description": "A teapot of blue stoneware, with two cups"}


def console(shop: Shop, size: Sizes) -> Page:
    """Return the developer's console after a dispute, and a payment that a reorg took back."""
    with closing(Client(shop.stack.api_url, sample_merchant(shop.stack).api_key)) as client:
        merchant = Merchant(client, shop.chain)
        page = open_console(shop, merchant, size=size)
        merchant.create(order_reference="honey-1").fund().confirm_delivery().dispute()
        merchant.create("0.5 ETH", order_reference="honey-2").fund().take_back()
        page.wait_for_timeout(1_500)
    return page


PAGES: Final[dict[str, Callable[[Shop, Sizes], Page]]] = {
    "waiting": waiting,
    "review": review,
    "ways": ways,
    "delivered": delivered,
    "receipt": receipt,
    "overdue": overdue,
    "released": released,
    "chinese": chinese,
    "missing": missing,
    "console": console,
    **DESK_PAGES,
}
OF_THEIR_OWN: Final = {"console", *DESK_PAGES}
"""The others are the checkout's, and their files say so."""


def main() -> int:
    """Take them all, or those that are named."""
    wanted = sys.argv[1:] or list(PAGES)
    IMAGES.mkdir(parents=True, exist_ok=True)
    chromium = set_up_browser()
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_OPTIONS)) as browser,
        tempfile.TemporaryDirectory() as folder,
        LocalStack(Path(folder)) as stack,
        closing(Shop(stack, browser)) as shop,
    ):
        for name in wanted:
            for width, size in (("phone", PHONE), ("desktop", DESKTOP)):
                page = PAGES[name](shop, size)
                page.wait_for_timeout(700)  # the wallets announce themselves, and the fonts are there
                page.evaluate("scrollTo(0, 0)")
                whole = page.get_by_role("dialog").count() == 0
                path = IMAGES / f"{name if name in OF_THEIR_OWN else f'checkout-{name}'}-{width}.png"
                page.screenshot(path=path, full_page=whole)
                print(path.relative_to(ROOT))
                shop.leave()
    return 0


if __name__ == "__main__":
    sys.exit(main())

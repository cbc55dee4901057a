"""The merchant's money in a real browser: from the overview to the rows of a sum, released, and proven."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.shop import PATIENCE_MS, Shop, press
from tests.browser.test_desk import desk, go, sold

HOUR = 3_600


def test_what_is_ready_is_named_on_top_and_released_from_the_rows_that_it_is_made_of(shop: Shop) -> None:
    bought = [sold(shop, f"ready-{number}", "0.01") for number in range(3)]
    for payment in bought:
        shop.wait_status(payment, "funded")
        shop.confirm_delivery(payment)
    shop.travel(HOUR + 60)
    page = desk(shop)
    ready = page.locator(".attention li").filter(has_text="Money is ready for you")
    page.wait_for_timeout(500)
    page.reload()
    ready.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Releasable")).to_be_visible()
    whole = page.locator(".big .money").inner_text()
    rows, pages, first = amounts(page), 1, page.url
    while page.locator("a[rel=next]").count():
        page.goto(page.locator("a[rel=next]").evaluate("link => link.href"))
        rows, pages = rows + amounts(page), pages + 1
    assert sum(rows) == to_wei(whole)
    for _ in range(pages):  # what others of this shop have ready is among it, and a page is released at a time
        page.goto(first)
        shown = page.locator("form.buttons input[name=payment]")
        ids = [shown.nth(at).get_attribute("value") for at in range(shown.count())]
        press(page, f"Release these {len(ids)}")
        press(page, f"Release {len(ids)} payments")
        expect(page.get_by_role("heading", name=f"{len(ids)} releases sent")).to_be_visible()
        for id_ in ids:
            shop.wait_status({"id": id_}, "released")
    for payment in bought:
        shop.wait_status(payment, "released")
    go(shop, page, "")
    expect(ready).to_have_count(0, timeout=PATIENCE_MS)


def amounts(page: Page) -> list[int]:
    """Return the amounts of the rows on a page."""
    return [to_wei(each) for each in page.locator("td.amount .money").all_inner_texts()]


def to_wei(shown: str) -> int:
    """Return an amount as the desk shows it, "1,234.5 ETH", in base units."""
    whole, _, fraction = re.sub(r"[^0-9.]", "", shown).partition(".")
    return int(whole + fraction.ljust(18, "0"))


def test_the_proof_that_is_downloaded_holds_the_payments_event(shop: Shop, tmp_path: Path) -> None:
    payment = sold(shop, "proven")
    shop.wait_status(payment, "funded")
    page = desk(shop, f"/desk/payments/{payment['id']}")
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the proof").click()
    file = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(file)
    assert file.name == f"proof-{payment['id']}.json"
    assert payment["id"][2:] in json.dumps(json.loads(file.read_text("utf-8")))

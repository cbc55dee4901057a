"""The merchant's desk on a usual day, for pictures: orders of every kind, an endpoint that fails, several keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from playwright.sync_api import Page

from earnest.cli.demo.run import account_of
from earnest.escrow import txs
from earnest.payment.representation import parse_terms
from tests.browser.shop import Shop
from tests.browser.test_desk import desk, sold

Sizes = dict[str, int]
HOUR: Final = 3_600
AMOUNTS: Final = ("0.042", "0.19", "0.0075", "1.25", "0.33", "0.08", "0.615", "0.05", "0.12", "0.29")


_DAYS: Final[dict[str, dict[str, Any]]] = {}


def usual_day(shop: Shop) -> dict[str, Any]:
    """Let a day's orders happen, once on each stack; returns some of them by name."""
    if shop.stack.api_url not in _DAYS:
        _DAYS[shop.stack.api_url] = _let_it_happen(shop)
    return _DAYS[shop.stack.api_url]


def _let_it_happen(shop: Shop) -> dict[str, Any]:
    orders = [sold(shop, f"2026-{1040 + number}", each) for number, each in enumerate(AMOUNTS)]
    orders.append(sold(shop, "2026-1050 (express)", "0.21", delivery_period=6 * HOUR))
    for payment in orders:
        shop.wait_status(payment, "funded")
    for payment in orders[:6]:
        shop.confirm_delivery(payment)
    escrow, chain_id = shop.stack.deployment.address, shop.stack.network.chain_id
    disputed, released = parse_terms(orders[1]["terms"]), parse_terms(orders[2]["terms"])
    shop.chain.send(txs.dispute(escrow, chain_id, disputed), by=account_of("buyer"))
    shop.chain.send(txs.release(escrow, chain_id, released), by=account_of("buyer"))
    shop.wait_status(orders[1], "disputed")
    shop.wait_status(orders[2], "released")
    for payment, body in ((orders[6], None), (orders[0], {"amount": {"value": "0.01"}})):
        shop.api.post(f"/v1/payments/{payment['id']}/refund", json=body or {}).raise_for_status()
    shop.wait_status(orders[6], "refunded")
    shop.create("25.00", "tUSD", order_reference="2026-1051", description="A teapot of blue stoneware")
    endpoint = shop.api.post("/v1/webhook_endpoints", json={"url": "http://127.0.0.1:9/earnest"}).json()
    reads = ["payments:read", "webhooks:read"]
    for name, scopes in (("Ann, accounts", reads), ("Parcel desk", [*reads, "payments:write"])):
        shop.api.post("/v1/keys", json={"name": name, "scopes": scopes}).raise_for_status()
    shop.wait_status(sold(shop, "2026-1052", "0.4"), "funded")
    return {"payment": orders[0], "endpoint": endpoint}


def picture(path: str) -> Callable[[Shop, Sizes], Page]:
    """Return how a page of the desk is opened for its picture."""

    def take(shop: Shop, size: Sizes) -> Page:
        day = usual_day(shop)
        where = path.format(payment=day["payment"]["id"], endpoint=day["endpoint"]["id"])
        page = desk(shop, size=size)
        page.goto(f"{shop.stack.api_url}/desk{where}")
        page.wait_for_selector("html[data-ready]")
        return page

    return take


def door(shop: Shop, size: Sizes) -> Page:
    """Return the page to sign in."""
    return shop.visit({"checkout_url": f"{shop.stack.api_url}/desk"}, size=size)


def ticked(shop: Shop, size: Sizes) -> Page:
    """Return what is asked before many are confirmed."""
    page = picture("/payments")(shop, size)
    page.get_by_label("Tick all").check()
    page.get_by_role("button", name="Confirm delivery", exact=True).click()
    page.wait_for_selector("html[data-ready]")
    return page


def chinese(shop: Shop, size: Sizes) -> Page:
    """Return the overview in Chinese, in the dark."""
    usual_day(shop)
    return desk(shop, size=size, language="zh-CN", color_scheme="dark")


DESK_PAGES: Final[dict[str, Callable[[Shop, Sizes], Page]]] = {
    "desk-sign-in": door,
    "desk-overview": picture(""),
    "desk-payments": picture("/payments"),
    "desk-payment": picture("/payments/{payment}"),
    "desk-refund": picture("/payments/{payment}/refund"),
    "desk-many": ticked,
    "desk-balances": picture("/balances"),
    "desk-webhooks": picture("/webhooks"),
    "desk-endpoint": picture("/webhooks/{endpoint}"),
    "desk-keys": picture("/keys"),
    "desk-chinese": chinese,
}

"""A shop that sells one article: it asks for money, sends the buyer to the checkout, and ships what is paid for good.

EARNEST_API_URL, EARNEST_API_KEY   as `earnest dev` prints them
EARNEST_WEBHOOK_SECRET             what webhooks are signed with: `earnest listen --secret`, or the endpoint's own
python docs/sample_shop.py 3000    then open http://127.0.0.1:3000
"""

import html
import os
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from earnest.client import BadSignature, Client, Event, read_webhook

SETTINGS = "EARNEST_API_URL", "EARNEST_API_KEY", "EARNEST_WEBHOOK_SECRET"
ARTICLE, PRICE, TOKEN = "A pot of honey", "12.50", "tUSD"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Honey</title>
<h1>{article}</h1><form method="post" action="/buy"><button>Buy for {price} {token}</button></form>
<h2>Orders</h2><ul>{orders}</ul></html>"""


class Honey:
    """The shop's own books: what was ordered, and what became of it. A real one keeps them in its database."""

    def __init__(self, earnest: Client, webhook_secret: str) -> None:
        self.earnest, self.webhook_secret = earnest, webhook_secret
        self.orders: dict[str, str] = {}
        self._heard: set[str] = set()
        self._lock = Lock()

    def buy(self) -> str:
        """Take an order; returns the checkout's address."""
        order = f"honey-{secrets.token_hex(4)}"
        self.orders[order] = "waits for payment"
        # The order is the idempotency key: however often this is tried, it is asked for once.
        payment = self.earnest.create_payment(
            PRICE, TOKEN, order_reference=order, description=ARTICLE, idempotency_key=order
        )
        return str(payment.checkout_url)

    def hear(self, event: Event) -> None:
        """Act on a notification; the same one may come twice."""
        with self._lock:
            if event.id in self._heard:
                return
            payment, order = event.payment, event.payment.order_reference or ""
            if event.type == "payment.reorged":
                self.orders[order] = "waits for payment: the chain took it back"
            elif event.type == "payment.funded":
                self.orders[order] = "paid, and soon it is for good"
            elif event.type == "payment.finalized" and payment.status == "funded":
                # Past the chain's finality: nothing can take the money back out of the escrow, so the honey may go.
                self.earnest.confirm_delivery(payment.id, idempotency_key=f"{order}-shipped")
                self.orders[order] = "shipped"
            elif event.type == "payment.released":
                self.orders[order] = "done: the money is ours"
            self._heard.add(event.id)


class Pages(BaseHTTPRequestHandler):
    """What browsers and webhooks ask for."""

    shop: Honey

    def do_GET(self) -> None:
        """Show the shop."""
        orders = "".join(f"<li>{html.escape(name)}: {html.escape(how)}</li>" for name, how in self.shop.orders.items())
        self._answer(200, PAGE.format(article=ARTICLE, price=PRICE, token=TOKEN, orders=orders))

    def do_POST(self) -> None:
        """Take an order, or a webhook."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/buy":
            self._answer(303, "", Location=self.shop.buy())
            return
        try:
            self.shop.hear(read_webhook(body, dict(self.headers), self.shop.webhook_secret))
        except BadSignature:
            self._answer(401, "")
        else:
            self._answer(200, "")

    def _answer(self, status: int, text: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    if len(sys.argv) != 2 or not all(os.environ.get(each) for each in SETTINGS):
        sys.exit(__doc__)
    with Client(os.environ["EARNEST_API_URL"], os.environ["EARNEST_API_KEY"]) as client:
        Pages.shop = Honey(client, os.environ["EARNEST_WEBHOOK_SECRET"])
        ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Pages).serve_forever()

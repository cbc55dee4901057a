"""A shop that sells one article: it asks for money, sends the buyer to the checkout, and ships what is paid for good.

EARNEST_API_URL, EARNEST_API_KEY   as `earnest dev` prints them
EARNEST_WEBHOOK_SECRET             what webhooks are signed with: `earnest listen --secret`, or the endpoint's own
python docs/sample_shop.py 3000    then open http://127.0.0.1:3000
"""

import html
import os
import secrets
import sys
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

from earnest.client import BadSignature, Client, ClientError, Event, read_webhook

ARTICLE, PRICE, TOKEN = "A pot of honey", "12.50", "tUSD"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Honey</title>
<h1>{article}</h1><form method="post" action="/buy"><button>Buy for {price} {token}</button></form>
<h2>Orders</h2><ul>{orders}</ul></html>"""


class Honey:
    """The shop's own books: what was ordered, and what became of it. A real one keeps them in its database."""

    def __init__(self, api: Client, webhook_secret: str) -> None:
        self.api, self.webhook_secret = api, webhook_secret
        self.orders, self._heard, self._lock = dict[str, str](), set[str](), Lock()

    def buy(self) -> str:
        """Take an order; returns the checkout's address."""
        order = f"honey-{secrets.token_hex(4)}"
        # The order is the idempotency key: however often this is tried, it is asked for once.
        asked = self.api.create_payment(PRICE, TOKEN, order_reference=order, description=ARTICLE, idempotency_key=order)
        self.orders[order] = "waits for payment"
        return str(asked.checkout_url)

    def hear(self, event: Event) -> None:
        """Act on a notification, once however often it comes; payments that were not sold here are left alone."""
        payment, order = event.payment, event.payment.order_reference or ""
        with self._lock:
            if event.id in self._heard or order not in self.orders:
                return
            if event.type == "payment.reorged":
                self.orders[order] = "waits for payment: the chain took it back"
            elif event.type == "payment.funded":
                self.orders[order] = "paid, and soon it is for good"
            elif event.type == "payment.finalized" and payment.status == "funded":
                # Past the chain's finality: nothing can take the money back out of the escrow, so the honey may go.
                self.api.confirm_delivery(payment.id, idempotency_key=f"{order}-shipped")
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
        try:
            if self.path == "/buy":
                self._answer(303, "", Location=self.shop.buy())
            else:
                self.shop.hear(read_webhook(body, dict(self.headers), self.shop.webhook_secret))
                self._answer(200, "")
        except ClientError as error:  # a webhook that gets no 2xx comes again
            self._answer(401 if isinstance(error, BadSignature) else 503, html.escape(str(error)))

    def _answer(self, status: int, text: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    url, key, secret = (os.environ.get(f"EARNEST_{each}") for each in ("API_URL", "API_KEY", "WEBHOOK_SECRET"))
    if len(sys.argv) != 2 or not (url and key and secret):
        sys.exit(__doc__)
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Pages)
    except OSError as error:
        sys.exit(f"cannot listen on port {sys.argv[1]}: {error}")
    with server, suppress(KeyboardInterrupt), Client(url, key) as client:
        Pages.shop = Honey(client, secret)
        print(f"the shop is open: http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()

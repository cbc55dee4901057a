"""In by the wallet that is paid (EIP-4361)."""

from __future__ import annotations

from typing import Final

from fastapi.responses import PlainTextResponse, Response

from earnest.commands.errors import NotSignedIn
from earnest.commands.sign_in_by_wallet import ask_wallet, sign_in_by_wallet
from earnest.payment.primitives import parse_address
from earnest.web.desk.route import PUBLIC, desk_router, needs
from earnest.web.desk.sign_in import count_try, let_in, own_path
from earnest.web.desk.visit import InVisit

routes = desk_router()

MOST_BYTES: Final = 65
"""A key's signature; the wallets of contracts cannot sign in this way."""


@routes.post("/sign_in/ask")
@needs(PUBLIC)
def post_ask(visit: InVisit) -> Response:
    """Return the text that a wallet has to sign."""
    count_try(visit)
    wallet = parse_address(visit.form.one("wallet"), param="wallet")
    chain_id = min(visit.site.chains)
    return PlainTextResponse(
        ask_wallet(visit.site.store, wallet, visit.now(), public_url=visit.site.public_url, chain_id=chain_id)
    )


@routes.post("/sign_in/wallet")
@needs(PUBLIC)
def post_wallet(visit: InVisit) -> Response:
    """Trade a signed text for a session. It is always a new one, whatever the browser brought."""
    count_try(visit)
    back, now = own_path(visit.form.one("next")), visit.now()
    # As it was signed: a form's line ends are others than a text's.
    text = visit.form.one("text").replace("\r\n", "\n")
    try:
        signature = _signature(visit.form.one("signature"))
        secret, _ = sign_in_by_wallet(visit.site.store, text, signature, now, request_id=visit.request_id)
    except NotSignedIn:
        return visit.page("desk/sign_in.html", 403, next=back, wrong="wallet")
    return let_in(visit, secret, back, now)


def _signature(text: str) -> bytes:
    try:
        found = bytes.fromhex(text.removeprefix("0x"))
    except ValueError as error:
        raise NotSignedIn("this is no signature") from error
    if len(found) != MOST_BYTES:
        raise NotSignedIn("this is no key's signature")
    return found

"""The checkout's page, the parts of it that change, and its codes."""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from earnest.commands.relay import relay
from earnest.commands.release_with_receipt import check_receipt
from earnest.escrow.txs import Signed, withdraw
from earnest.payment.errors import NotFound
from earnest.payment.money import format_value
from earnest.payment.primitives import Address, parse_address
from earnest.payment.representation import represent_amount
from earnest.payment.status import Status, Verb
from earnest.payment.uri import checkout_url
from earnest.web.amounts import show_money
from earnest.web.checkout.deeds import deeds
from earnest.web.checkout.facts import Facts, load_facts
from earnest.web.checkout.qr import lasting_qr_svg, qr_svg
from earnest.web.checkout.story import is_final, protection, protection_by, tell, who_is_paid
from earnest.web.checkout.watch import DepositWatch, deposited
from earnest.web.checkout.ways import approval_uri, deposit
from earnest.web.errors import OddRequest, RelayOff
from earnest.web.route import page, router, site_of, words_for
from earnest.web.site import Site
from earnest.web.templates import render
from earnest.web.turns import NODE_SECONDS, asks_node
from earnest.web.words import Words

routes = router()

MAX_SIGNATURE_DIGITS = 8_194
"""`0x` and 4,096 bytes: a key's signature has 65, a contract wallet with many owners some hundreds."""
WITHDRAW_GAS = 500_000
"""A push gets up to 300,000 and the escrow needs some around it; what is not used is not paid for."""


class Signature(BaseModel):
    """What a wallet has signed, with what belongs to it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    signature: str = Field(pattern=r"^0x(?:[0-9a-fA-F]{2})*$", max_length=MAX_SIGNATURE_DIGITS)
    payer: str | None = None
    nonce: str | None = Field(None, pattern=r"^[0-9]{1,78}$")
    deadline: str | None = Field(None, pattern=r"^[0-9]{1,20}$")
    valid_after: str | None = Field(None, pattern=r"^[0-9]{1,20}$")
    valid_before: str | None = Field(None, pattern=r"^[0-9]{1,20}$")

    def signed(self) -> Signed:
        """Return it as the escrow's calls take it; raises `InvalidAddress`."""
        return Signed(
            bytes.fromhex(self.signature[2:]),
            payer=None if self.payer is None else parse_address(self.payer, param="payer"),
            nonce=_number(self.nonce),
            deadline=_number(self.deadline),
            valid_after=_number(self.valid_after) or 0,
            valid_before=_number(self.valid_before),
        )


class RelayRequest(BaseModel):
    """What the host shall send."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    verb: Verb
    signed: Signature | None = None


@routes.get("/checkout/{payment_id}")
def get_page(payment_id: str, request: Request) -> HTMLResponse:
    """Return the whole page."""
    site, words = site_of(request), words_for(request)
    facts = load_facts(site, payment_id)
    return page(request, "checkout/page.html", **_values(site, facts, words))


@routes.get("/checkout/{payment_id}/parts")
def get_parts(payment_id: str, request: Request) -> Response:
    """Return the parts of the page that change; the page's script puts in those that did."""
    site, words = site_of(request), words_for(request)
    facts = load_facts(site, payment_id)
    body = render("checkout/fragment.html", words, **_values(site, facts, words))
    tag = f'"{hashlib.sha256(body.encode()).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Earnest-Chain-Time": str(facts.now), "Vary": "Accept-Language"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return HTMLResponse(body, headers=headers)


@routes.get("/checkout/{payment_id}/deposit")
@asks_node(NODE_SECONDS)
def get_deposit(payment_id: str, request: Request) -> JSONResponse:
    """Tell what lies at the deposit address in the payment's token, as the node sees it now.

    Who asks waits for it: from then on the host looks by itself too, and collects what came.
    """
    site = site_of(request)
    facts = load_facts(site, payment_id)
    if facts.deposit_address is None:
        raise NotFound("this payment has no deposit address")
    chain = site.chain_of(facts.payment)
    if chain.relay is not None and facts.status is Status.CREATED:
        deposit_watch(request).add(facts.payment.id, facts.payment.account)
    there = deposited(chain.place.node, facts)
    return JSONResponse({"there": represent_amount(there, facts.token), "enough": there >= facts.payment.terms.amount})


@routes.get("/checkout/{payment_id}/txs/withdraw")
def get_withdrawal(payment_id: str, request: Request) -> JSONResponse:
    """Return the unsigned tx that pays the buyer's credit to him; in the shape of the API's unsigned txs."""
    facts = load_facts(site_of(request), payment_id)
    if facts.buyer is None or not facts.owed:
        raise NotFound("the escrow owes this payment's buyer nothing")
    tx = withdraw(facts.payment.escrow, facts.payment.chain_id, facts.buyer, facts.token.address)
    told: dict[str, Any] = {"to": tx.to, "data": tx.data, "value": str(tx.value), "chain_id": tx.chain_id}
    return JSONResponse({"verb": "withdraw", **told, "gas": WITHDRAW_GAS, "before": []})


@routes.post("/checkout/{payment_id}/relay")
@asks_node(None)
def post_relay(payment_id: str, body: RelayRequest, request: Request) -> JSONResponse:
    """Send for the buyer what anyone may send, by his signature or because its time has come; the host pays the gas."""
    _check_same_origin(request)
    site = site_of(request)
    site.admit_relay(request.client.host if request.client else "unknown")
    facts = load_facts(site, payment_id)
    chain = site.chain_of(facts.payment)
    if chain.relay is None:
        raise RelayOff("this host sends nothing for buyers: use a wallet")
    signed = body.signed.signed() if body.signed is not None else None
    sent = relay(site.store, chain.place, chain.relay, facts.payment.id, body.verb, signed=signed)
    return JSONResponse({"verb": str(body.verb), "hash": sent.newest.hash, "state": str(sent.state)}, 202)


@routes.post("/checkout/{payment_id}/receipt_code")
@asks_node(NODE_SECONDS)
def post_receipt_code(payment_id: str, body: Signature, request: Request) -> HTMLResponse:
    """Return the QR code of a receipt, after checking that it is one; nothing of it is kept."""
    _check_same_origin(request)
    site, words = site_of(request), words_for(request)
    facts = load_facts(site, payment_id)
    check_receipt(site.chain_of(facts.payment).place.node, facts.payment, body.signed().signature)
    # Behind the `#`, so that the receipt stands in nobody's log of requests.
    link = f"{checkout_url(site.public_url, facts.payment.id)}#receipt={body.signature}"
    return HTMLResponse(str(qr_svg(link, words("receipt.code"))))


def deposit_watch(request: Request) -> DepositWatch:
    """Return who waits for deposits in this process."""
    watch: DepositWatch = request.app.state.deposit_watch
    return watch


def _values(site: Site, facts: Facts, words: Words) -> dict[str, Any]:
    terms, state = facts.payment.terms, facts.payment.state
    link = checkout_url(site.public_url, facts.payment.id)
    way = deposit(facts)
    network = words("network.local") if facts.network.is_local else facts.network.name.replace("-", " ").title()
    return {
        "facts": facts,
        "payment": facts.payment,
        "merchant": who_is_paid(facts, words),
        "amount": represent_amount(terms.amount, facts.token),
        "story": tell(facts, words),
        "protection": protection(facts, words),
        "is_final": is_final(facts),
        "promised": protection_by(terms, words),
        "deeds": deeds(facts, words),
        "deposit": way,
        "deposit_code": lasting_qr_svg(way.uri, words("deposit.code")) if way is not None and way.is_open else None,
        "approval_uri": approval_uri(facts),
        "page_code": lasting_qr_svg(link, words("phone.code")),
        "link": link,
        "network": network,
        "held": facts.money(state.held),
        "returned": [_returned(facts, each.token, each.amount) for each in facts.returned],
        "fee_percent": format_value(terms.fee_bps, 2),
        "script_words": words.under("js."),
    }


def _returned(facts: Facts, token: Address, amount: int) -> str:
    known = facts.network.token_at(token)
    return show_money(amount, known) if known else token


def _check_same_origin(request: Request) -> None:
    """Refuse what another site's page sends; browsers say by themselves where a request comes from."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise OddRequest("this is only for our own pages")


def _number(digits: str | None) -> int | None:
    return None if digits is None else int(digits)

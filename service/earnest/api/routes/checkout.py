"""What anyone with a payment's id may see: the payment without the merchant's own."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from earnest.api.access import public
from earnest.api.call import Call, InCall
from earnest.api.route import router
from earnest.api.schemas.payments import PublicPayment
from earnest.api.show import PaymentView
from earnest.payment.errors import NotFound
from earnest.payment.primitives import parse_hash32
from earnest.payment.record import Payment
from earnest.payment.representation import represent_public
from earnest.payment.uri import checkout_url

routes = router("/v1", "checkout")


@routes.get("/checkout/{id}", response_model=PublicPayment, summary="What a buyer may see")
@public(cross_origin=True)
def get_checkout(id: str, call: InCall, request: Request) -> Response:  # noqa: A002
    """Return the payment without the merchant's order reference; no key is needed, the id is the key.

    A browser is sent on to the page: links of before it existed lead here.
    """
    payment = find_public(call, id)
    if "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(checkout_url(call.services.public_url, payment.id), 303, headers={"Vary": "Accept"})
    with call.services.store.read() as tx:
        whole = PaymentView(call.services, tx).show(payment)
    return JSONResponse(represent_public(whole), headers={"Vary": "Accept"})


def find_public(call: Call, payment_id: str) -> Payment:
    """Return a payment that anyone may see who has its id; raises `NotFound`."""
    wanted = parse_hash32(payment_id, param="id")
    with call.services.store.read() as tx:
        payment = tx.payments.public(wanted)
    if payment is None or payment.chain_id not in call.services.chains:
        raise NotFound(f"no payment {wanted}")
    return payment

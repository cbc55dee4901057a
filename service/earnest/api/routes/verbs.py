"""The verbs that are sent with the operator's key: 202, and the status moves when the log is back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import Call, InCall
from earnest.api.route import router
from earnest.api.routes.payments import needed_token
from earnest.api.schemas.common import AmountRequest, parse_signature
from earnest.api.schemas.payments import Accepted, EmptyRequest, ReceiptRequest, RefundRequest
from earnest.api.show import show_sent_tx, token_of
from earnest.chain.sending import OutgoingTx
from earnest.commands.confirm_delivery import confirm_delivery
from earnest.commands.refund import refund
from earnest.commands.release_with_receipt import release_with_receipt
from earnest.payment.errors import InvalidInput, NotFound
from earnest.payment.money import parse_base_units, parse_value
from earnest.payment.primitives import Hash32, parse_hash32

routes = router("/v1", "payments")


@routes.post(
    "/payments/{id}/confirm_delivery", status_code=202, response_model=Accepted, summary="Confirm the delivery"
)
@keyed("payments:write", asks_node=True)
def post_confirm_delivery(id: str, call: InCall, body: EmptyRequest | None = None) -> JSONResponse:  # noqa: A002, ARG001
    """Say that the goods or the service were handed over; opens the dispute window, or releases where there is none.

    Asking again before the tx is mined gives the same tx.
    """
    wanted = parse_hash32(id, param="id")
    services = call.services
    return _accepted(call, lambda: confirm_delivery(services.store, call.senders(), call.merchant_id, wanted))


@routes.post("/payments/{id}/refund", status_code=202, response_model=Accepted, summary="Refund the buyer")
@keyed("refunds:write", asks_node=True)
def post_refund(id: str, call: InCall, body: RefundRequest | None = None) -> JSONResponse:  # noqa: A002
    """Give the buyer back everything that is held, or a part of it.

    A refund of everything is the same tx however often it is asked for. Several parts of one payment need an
    `Idempotency-Key` each to be told apart.
    """
    wanted = parse_hash32(id, param="id")
    services = call.services
    asked = body.amount if body else None
    amount = _base_units(call, wanted, asked) if asked else None
    senders = call.senders(base_units=None if amount is None else str(amount))
    key = call.request_key
    return _accepted(
        call, lambda: refund(services.store, senders, call.merchant_id, wanted, amount=amount, request_key=key)
    )


@routes.post(
    "/payments/{id}/release_with_receipt",
    status_code=202,
    response_model=Accepted,
    summary="Release by the buyer's receipt",
)
@keyed("payments:write", asks_node=True)
def post_release_with_receipt(id: str, call: InCall, body: ReceiptRequest) -> JSONResponse:  # noqa: A002
    """Release everything that is held by what the buyer signed at the door; the host pays the gas.

    A receipt can be signed before the goods are handed over, and can't be taken back. Asking again before the tx is
    mined gives the same tx.
    """
    wanted, services = parse_hash32(id, param="id"), call.services
    signature = parse_signature(body.signature)
    return _accepted(
        call,
        lambda: release_with_receipt(
            services.store, call.senders(), services.node, call.merchant_id, wanted, signature
        ),
    )


def _base_units(call: Call, payment_id: Hash32, amount: AmountRequest) -> int:
    """Parse the amount in the payment's own token, which it may name again but not change."""
    with call.services.store.read() as tx:
        payment = tx.payments.find(call.merchant_id, payment_id)
    if payment is None:
        raise NotFound(f"no payment {payment_id}")
    network = call.services.chain(payment.chain_id).network
    token = token_of(network, payment.terms)
    if (amount.token is not None or amount.currency is not None) and network.token(needed_token(amount)) != token:
        raise InvalidInput(f"this payment is in {token.symbol} ({token.address})", param="amount.token")
    if (amount.value is None) == (amount.base_units is None):
        raise InvalidInput("give exactly one of value and base_units", param="amount")
    if amount.value is not None:
        return parse_value(amount.value, token, param="amount.value")
    return parse_base_units(amount.base_units or "", param="amount.base_units")


def _accepted(call: Call, send: Callable[[], OutgoingTx]) -> JSONResponse:
    """Answer with the tx that an earlier try of this request sent before it died, or else with the one sent now."""
    tx = next(iter(call.begun()), None) or send()
    body: dict[str, Any] = {"payment": tx.payment_id, "tx": show_sent_tx(tx)}
    return JSONResponse(body, 202)

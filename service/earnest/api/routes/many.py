"""The verbs for many payments of one merchant at once: 202 with what was sent by which tx, and what was left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import Call, InCall
from earnest.api.route import router
from earnest.api.schemas.payments import ManyAccepted, ManyRequest
from earnest.api.show import show_many
from earnest.commands.batches import ManyResult
from earnest.commands.confirm_delivery_many import confirm_delivery_many
from earnest.commands.release_many import release_many
from earnest.payment.primitives import Hash32, parse_hash32

routes = router("/v1", "payments")


@routes.post(
    "/payments/confirm_delivery_many",
    status_code=202,
    response_model=ManyAccepted,
    summary="Confirm many deliveries",
)
@keyed("payments:write", asks_node=True)
def post_confirm_delivery_many(body: ManyRequest, call: InCall) -> JSONResponse:
    """Confirm the delivery of many payments, by one tx for each set of terms that they have in common.

    A payment that cannot be confirmed now is left out and says why; the others still go. Asking again for the same
    payments before the txs are mined gives the same txs.
    """
    return _answer(call, body, confirm_delivery_many)


@routes.post("/payments/release_many", status_code=202, response_model=ManyAccepted, summary="Release many payments")
@keyed("payments:write", asks_node=True)
def post_release_many(body: ManyRequest, call: InCall) -> JSONResponse:
    """Release many payments whose dispute windows are over, by one tx for each set of terms that they have in common.

    Left out and asked again as with `confirm_delivery_many`. What the escrow itself passes over, because it changed in
    between, shows as `ItemSkipped` in the payment's timeline.
    """
    return _answer(call, body, release_many)


def _answer(call: Call, body: ManyRequest, send: Callable[..., ManyResult]) -> JSONResponse:
    wanted = _ids(body.payments)
    senders = call.senders(payments=wanted)
    result = send(call.services.store, senders, call.merchant_id, wanted, begun=call.begun())
    if call.once is not None:
        call.once.did_something = bool(result.sent)
    return JSONResponse(show_many(result), 202)


def _ids(texts: Sequence[str]) -> list[Hash32]:
    return [parse_hash32(text, param=f"payments.{number}") for number, text in enumerate(texts)]

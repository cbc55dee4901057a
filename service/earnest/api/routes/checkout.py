"""What anyone with a payment's id may have: the payment without the merchant's own, and unsigned txs for it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from fastapi.responses import JSONResponse

from earnest.api.access import public
from earnest.api.call import Call, InCall
from earnest.api.route import router
from earnest.api.schemas.payments import PreparedTx, PublicPayment
from earnest.api.show import PaymentView, show_prepared_tx
from earnest.commands.chain_time import chain_time
from earnest.commands.prepare_tx import Parts, prepare_tx
from earnest.payment.errors import InvalidAmount, NotFound
from earnest.payment.primitives import Address, parse_address, parse_hash32
from earnest.payment.record import Payment
from earnest.payment.representation import represent_public
from earnest.payment.status import Verb

routes = router("/v1", "checkout")

MAX_DIGITS = 78
"""2^256 has that many."""


@routes.get("/checkout/{id}", response_model=PublicPayment, summary="What a buyer may see")
@public(cross_origin=True)
def get_checkout(id: str, call: InCall) -> JSONResponse:  # noqa: A002
    """Return the payment without the merchant's order reference; no key is needed, the id is the key."""
    payment = _find(call, id)
    with call.services.store.read() as tx:
        whole = PaymentView(call.services, tx).show(payment)
    return JSONResponse(represent_public(whole))


@routes.get("/payments/{id}/txs/{verb}", response_model=PreparedTx, summary="The unsigned tx for a wallet")
@public(cross_origin=True)
def get_unsigned_tx(
    id: str,  # noqa: A002
    verb: Verb,
    call: InCall,
    signer: Annotated[str, Query(alias="from", description="Who will sign it.")],
    buyer: Annotated[str | None, Query(description="For `fund`: who gets money back; default: the signer.")] = None,
    amount: Annotated[str | None, Query(description="For `release` and `refund`: base units; default: all.")] = None,
    to_buyer: Annotated[str | None, Query(description="For `resolve`: base units.")] = None,
    to_merchant: Annotated[str | None, Query(description="For `resolve`: base units, before the fee.")] = None,
) -> JSONResponse:
    """Return what `from` has to sign to do a verb, after asking the chain whether it would work now.

    For funding with a token, `before` holds the approval that is still missing. Nothing secret is in any of it: all of
    it follows from the terms.
    """
    account = parse_address(signer, param="from")
    parts = Parts(
        buyer=_address(buyer, "buyer"),
        amount=_units(amount, "amount"),
        to_buyer=_units(to_buyer, "to_buyer"),
        to_merchant=_units(to_merchant, "to_merchant"),
    )
    payment = _find(call, id)
    place = call.services.chain(payment.chain_id).place
    now = chain_time(call.services.store, place)
    return JSONResponse(show_prepared_tx(verb, prepare_tx(place, payment, verb, account, parts, now=now)))


def _find(call: Call, payment_id: str) -> Payment:
    wanted = parse_hash32(payment_id, param="id")
    with call.services.store.read() as tx:
        payment = tx.payments.public(wanted)
    if payment is None or payment.chain_id not in call.services.chains:
        raise NotFound(f"no payment {wanted}")
    return payment


def _address(text: str | None, param: str) -> Address | None:
    return None if text is None else parse_address(text, param=param)


def _units(text: str | None, param: str) -> int | None:
    """Parse base units where zero is a number too (an arbiter may give one side nothing)."""
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > MAX_DIGITS:
        raise InvalidAmount(f"{param} is no amount in base units: give a string of digits", param=param)
    return int(text)

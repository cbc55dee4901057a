"""Create payments, list them, and see all that is known of one."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import InCall, Kept
from earnest.api.route import router
from earnest.api.schemas.common import AmountRequest, InChain, InTime, ListOf
from earnest.api.schemas.payments import CreatePaymentRequest, Payment, SentTxs, Timeline
from earnest.api.show import PaymentView, show_all, show_page, show_sent_tx
from earnest.commands.create_payment import PaymentRequest, create_payment
from earnest.commands.errors import PricingNotConfigured
from earnest.commands.journal import outgoing_tx
from earnest.payment.errors import InvalidInput, NotFound
from earnest.payment.primitives import Address, parse_address, parse_hash32
from earnest.payment.status import Finality, Status
from earnest.store.records import PaymentFilter

routes = router("/v1", "payments")

Limit = Annotated[int, Query(ge=1, le=100, description="How many at the most.")]
Cursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the piece before.")]


@routes.post("/payments", status_code=201, response_model=Payment, summary="Create a payment")
@keyed("payments:write", asks_node=True)
def post_payment(body: CreatePaymentRequest, call: InCall) -> JSONResponse:
    """Create a payment. Nothing happens on chain; the buyer pays at `checkout_url` or with any wallet.

    Merchant, operator, arbiter and fee come from the account, so a stolen key cannot redirect money.
    """
    kept = Kept(call, 201, lambda tx, payment, _merchant: PaymentView(call.services, tx).show(payment))
    create_payment(
        call.services.store,
        call.services.chain(body.chain).place,
        call.merchant_id,
        _parse(body),
        now=call.now(),
        keep=kept,
    )
    return kept.response


@routes.get("/payments", response_model=ListOf[Payment], summary="List payments")
@keyed("payments:read")
def get_payments(
    call: InCall,
    status: Annotated[list[Status] | None, Query(description="May be given several times.")] = None,
    finality: Annotated[list[Finality] | None, Query(description="May be given several times.")] = None,
    order_reference: Annotated[str | None, Query(max_length=200)] = None,
    buyer: Annotated[str | None, Query()] = None,
    token: Annotated[str | None, Query(description="Symbol or address.")] = None,
    chain: Annotated[InChain | None, Query()] = None,
    created_from: Annotated[InTime | None, Query(description="From this time on.")] = None,
    created_until: Annotated[InTime | None, Query(description="Before this time.")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> JSONResponse:
    """List the merchant's payments, newest first."""
    services = call.services
    with services.store.read() as tx:
        view = PaymentView(services, tx)
        merchant = view.merchant(call.merchant_id)
        where = PaymentFilter(
            statuses=frozenset(status or ()),
            finalities=frozenset(finality or ()),
            safe_depth_blocks=merchant.safe_depth_blocks if merchant else 0,
            order_reference=order_reference,
            buyer=parse_address(buyer, param="buyer") if buyer is not None else None,
            token=services.chain(chain).network.token(token).address if token is not None else None,
            chain_id=chain,
            created_from=created_from,
            created_until=created_until,
        )
        page = tx.payments.page(call.merchant_id, where, cursor=cursor, limit=limit)
        view.read_descriptions(page.items)
        return JSONResponse(show_page(page, view.show))


@routes.get("/payments/{id}", response_model=Payment, summary="Get a payment")
@keyed("payments:read")
def get_payment(id: str, call: InCall) -> JSONResponse:  # noqa: A002 (the path's own word)
    """Return one of the merchant's payments."""
    wanted = parse_hash32(id, param="id")
    with call.services.store.read() as tx:
        payment = tx.payments.find(call.merchant_id, wanted)
        if payment is None:
            raise NotFound(f"no payment {wanted}")
        return JSONResponse(PaymentView(call.services, tx).show(payment))


@routes.get("/payments/{id}/timeline", response_model=Timeline, summary="Every event of a payment")
@keyed("payments:read")
def get_timeline(id: str, call: InCall) -> JSONResponse:  # noqa: A002
    """Return every event with the block, the tx and the log that prove it, orphaned ones too, oldest first.

    Between them stands what the escrow told beside the payment's history: deposits that were returned to the buyer,
    and batches that passed it over. Those have no `seq`, and anyone can cause them, so only the newest 200 are told.
    """
    wanted = parse_hash32(id, param="id")
    with call.services.store.read() as tx:
        payment = tx.payments.find(call.merchant_id, wanted)
        if payment is None:
            raise NotFound(f"no payment {wanted}")
        events = tx.events.timeline(payment.chain_id, payment.id)
        beside = tx.side_events.timeline(payment.chain_id, payment.id)
        return JSONResponse(show_all(PaymentView(call.services, tx).show_timeline(payment, events, beside)))


@routes.get("/payments/{id}/txs", response_model=SentTxs, summary="The txs that we sent for a payment")
@keyed("payments:read")
def get_sent_txs(id: str, call: InCall) -> JSONResponse:  # noqa: A002
    """Return what was sent with the operator's key, oldest first."""
    wanted = parse_hash32(id, param="id")
    with call.services.store.read() as tx:
        if tx.payments.find(call.merchant_id, wanted) is None:
            raise NotFound(f"no payment {wanted}")
        rows = tx.txs.find(call.merchant_id, wanted)
    return JSONResponse(show_all([show_sent_tx(outgoing_tx(row)) for row in rows]))


def needed_token(amount: AmountRequest) -> str:
    """Return the token that an amount names; raises `PricingNotConfigured` for money, `InvalidInput` for none."""
    if amount.currency is not None:
        raise PricingNotConfigured()
    if amount.token is None:
        raise InvalidInput("an amount names its token, by symbol or address", param="amount.token")
    return amount.token


def _parse(body: CreatePaymentRequest) -> PaymentRequest:
    return PaymentRequest(
        order_reference=body.order_reference,
        description=body.description,
        token=needed_token(body.amount),
        value=body.amount.value,
        base_units=body.amount.base_units,
        buyer=_buyer(body.buyer),
        pay_by=body.pay_by,
        delivery_period=body.delivery_period,
        dispute_window=body.dispute_window,
        arbitration_period=body.arbitration_period,
    )


def _buyer(text: str | None) -> Address | None:
    return None if text is None else parse_address(text, param="buyer")

"""The notifications themselves, for whoever would rather ask than be told."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import InCall
from earnest.api.route import router
from earnest.api.routes.payments import Cursor, Limit
from earnest.api.schemas.common import ListOf
from earnest.api.schemas.webhooks import Event
from earnest.api.show import show_page
from earnest.payment.errors import NotFound
from earnest.payment.primitives import parse_hash32
from earnest.webhooks.envelope import represent_notification

routes = router("/v1", "events")


@routes.get("/events", response_model=ListOf[Event], summary="List notifications")
@keyed("webhooks:read")
def get_events(
    call: InCall,
    payment: Annotated[str | None, Query(description="Only those of this payment.")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> JSONResponse:
    """List what the merchant was or will be told, newest first; each one as webhooks carry it."""
    wanted = None if payment is None else parse_hash32(payment, param="payment")
    with call.services.store.read() as tx:
        page = tx.outbox.page(call.merchant_id, cursor=cursor, limit=limit, payment_id=wanted)
    return JSONResponse(show_page(page, represent_notification))


@routes.get("/events/{id}", response_model=Event, summary="Get a notification")
@keyed("webhooks:read")
def get_event(id: str, call: InCall) -> JSONResponse:  # noqa: A002
    """Return one notification."""
    with call.services.store.read() as tx:
        notification = tx.outbox.get(id)
    if notification is None or notification.merchant_id != call.merchant_id:
        raise NotFound(f"no notification {id}")
    return JSONResponse(represent_notification(notification))

"""Webhook endpoints: add, change, delete, rotate the secret, look at deliveries, send again."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import InCall, Kept
from earnest.api.route import router
from earnest.api.routes.payments import Cursor, Limit
from earnest.api.schemas import webhooks as shapes
from earnest.api.schemas.common import ListOf
from earnest.api.schemas.payments import EmptyRequest
from earnest.api.show import show_all, show_delivery, show_endpoint, show_page, show_trial
from earnest.api.trials import Trials
from earnest.commands.create_endpoint import NewEndpoint, create_endpoint
from earnest.commands.delete_endpoint import delete_endpoint
from earnest.commands.names import new_id, strong_random
from earnest.commands.replay import Range, replay
from earnest.commands.rotate_secret import rotate_secret
from earnest.commands.update_endpoint import update_endpoint
from earnest.payment.errors import NotFound
from earnest.store import Transaction
from earnest.store.records import DeliveryState
from earnest.webhooks.trial import try_endpoint

routes = router("/v1/webhook_endpoints", "webhooks")


@routes.post("", status_code=201, response_model=shapes.EndpointWithSecret, summary="Add a webhook endpoint")
@keyed("webhooks:write")
def post_endpoint(body: shapes.CreateEndpointRequest, call: InCall) -> JSONResponse:
    """Add an endpoint. Its secret is shown this once; verify each webhook with it by any Standard Webhooks library."""
    kept = Kept(call, 201, _with_secret)
    create_endpoint(
        call.services.store,
        call.services.endpoint_kit,
        call.merchant_id,
        body.url,
        now=call.now(),
        types=body.types,
        keep=kept,
        by=call.by,
    )
    return kept.response


@routes.get("", response_model=ListOf[shapes.Endpoint], summary="List webhook endpoints")
@keyed("webhooks:read")
def get_endpoints(call: InCall) -> JSONResponse:
    """List the merchant's endpoints, newest first."""
    with call.services.store.read() as tx:
        return JSONResponse(show_all([show_endpoint(each) for each in tx.endpoints.list(call.merchant_id)]))


@routes.get("/{id}", response_model=shapes.Endpoint, summary="Get a webhook endpoint")
@keyed("webhooks:read")
def get_endpoint(id: str, call: InCall) -> JSONResponse:  # noqa: A002
    """Return one endpoint."""
    with call.services.store.read() as tx:
        endpoint = tx.endpoints.get(call.merchant_id, id)
    if endpoint is None:
        raise NotFound(f"no webhook endpoint {id}")
    return JSONResponse(show_endpoint(endpoint))


@routes.patch("/{id}", response_model=shapes.Endpoint, summary="Change a webhook endpoint")
@keyed("webhooks:write")
def patch_endpoint(id: str, body: shapes.UpdateEndpointRequest, call: InCall) -> JSONResponse:  # noqa: A002
    """Change URL or types, switch it off, or on again. What is pending waits while it is off."""
    endpoint = update_endpoint(
        call.services.store,
        call.services.endpoint_kit,
        call.merchant_id,
        id,
        now=call.now(),
        url=body.url,
        types=body.types,
        enabled=body.enabled,
        by=call.by,
    )
    return JSONResponse(show_endpoint(endpoint))


@routes.delete("/{id}", response_model=shapes.DeletedEndpoint, summary="Delete a webhook endpoint")
@keyed("webhooks:write")
def delete_endpoint_route(id: str, call: InCall) -> JSONResponse:  # noqa: A002
    """Delete an endpoint with what was still to be delivered to it."""
    delete_endpoint(call.services.store, call.merchant_id, id, now=call.now(), by=call.by)
    return JSONResponse({"id": id, "deleted": True})


@routes.post("/{id}/rotate_secret", response_model=shapes.EndpointWithSecret, summary="Rotate the secret")
@keyed("webhooks:write")
def post_rotate_secret(id: str, call: InCall, body: EmptyRequest | None = None) -> JSONResponse:  # noqa: A002, ARG001
    """Make a new secret and show it this once; for a day the former one signs too, so that nothing is lost."""
    kept = Kept(call, 200, _with_secret)
    kit, now = call.services.endpoint_kit, call.now()
    rotate_secret(call.services.store, kit, call.merchant_id, id, now=now, keep=kept, by=call.by)
    return kept.response


@routes.get("/{id}/deliveries", response_model=ListOf[shapes.Delivery], summary="List deliveries with their attempts")
@keyed("webhooks:read")
def get_deliveries(
    id: str,  # noqa: A002
    call: InCall,
    state: Annotated[DeliveryState | None, Query(description="`dead`: those that were given up.")] = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> JSONResponse:
    """List what was to go to an endpoint, newest first, with every attempt."""
    with call.services.store.read() as tx:
        if tx.endpoints.get(call.merchant_id, id) is None:
            raise NotFound(f"no webhook endpoint {id}")
        page = tx.outbox.deliveries(id, state=state, cursor=cursor, limit=limit)
    return JSONResponse(show_page(page, show_delivery))


@routes.post("/{id}/replay", status_code=202, response_model=shapes.Replayed, summary="Send notifications again")
@keyed("webhooks:write")
def post_replay(id: str, call: InCall, body: shapes.ReplayRequest | None = None) -> JSONResponse:  # noqa: A002
    """Make deliveries due at once, with the ids that they always had.

    Those named; or all of the endpoint's types that were written in `[from, until)`, delivered before or not; or, if
    the body says nothing, all that were given up. Per payment they come in their order.
    """
    wanted = body or shapes.ReplayRequest()
    count = replay(
        call.services.store,
        call.merchant_id,
        id,
        now=call.now(),
        notification_ids=wanted.notification_ids,
        within=Range(wanted.since, wanted.until) if wanted.names_a_range else None,
        by=call.by,
    )
    return JSONResponse({"replayed": count}, 202)


@routes.post("/{id}/test", response_model=shapes.Tried, summary="Send a test")
@keyed("webhooks:write")
def post_test(
    id: str,  # noqa: A002
    call: InCall,
    request: Request,
    body: EmptyRequest | None = None,  # noqa: ARG001
) -> JSONResponse:
    """Post a webhook of the type `endpoint.test` now, once, and tell how it ended; nothing of it is kept."""
    with call.services.store.read() as tx:
        endpoint = tx.endpoints.get(call.merchant_id, id)
    if endpoint is None:
        raise NotFound(f"no webhook endpoint {id}")
    trials: Trials = request.app.state.trials
    name = new_id("msg_test", strong_random)
    with trials.turn():
        tried = try_endpoint(call.services.test_poster, call.services.secrets, endpoint, name, call.now())
    return JSONResponse(show_trial(tried))


def _with_secret(_tx: Transaction, new: NewEndpoint) -> dict[str, Any]:
    return {**show_endpoint(new.endpoint), "secret": new.secret}

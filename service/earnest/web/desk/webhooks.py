"""Webhook endpoints: add, switch off and on, rotate the secret, test, look at deliveries, send again."""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from earnest.commands.create_endpoint import create_endpoint
from earnest.commands.delete_endpoint import delete_endpoint
from earnest.commands.replay import replay
from earnest.commands.rotate_secret import rotate_secret
from earnest.commands.update_endpoint import update_endpoint
from earnest.payment.errors import EarnestError, InvalidInput, NotFound
from earnest.payment.notifications import NotificationType
from earnest.store.records import DeliveryState, Endpoint
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.visit import DESK, InVisit, Visit
from earnest.webhooks.trial import Trial

routes = desk_router()

HERE: Final = f"{DESK}/webhooks"
DELIVERIES: Final = 25


@routes.get("/webhooks")
@needs("webhooks:read")
def get_endpoints(visit: InVisit) -> Response:
    """List the merchant's endpoints."""
    return _list(visit)


@routes.post("/webhooks")
@needs("webhooks:write", reads="webhooks:read")
def post_endpoint(visit: InVisit) -> Response:
    """Add an endpoint and show its secret, this once."""
    try:
        made = create_endpoint(
            visit.site.store,
            visit.desk.kit,
            visit.merchant_id,
            visit.form.one("url"),
            now=visit.now(),
            types=visit.form.many("type"),
            by=visit.by,
        )
    except EarnestError as error:
        return _list(visit, wrong=str(error))
    return _secret(visit, made.endpoint, made.secret, "created")


@routes.get("/webhooks/{id}")
@needs("webhooks:read")
def get_endpoint(id: str, visit: InVisit, state: str = "", cursor: str = "", done: str = "", n: str = "") -> Response:  # noqa: A002
    """Show one endpoint with what was to go there."""
    return _show(
        visit, id, state=state, cursor=cursor, done=done if done in DONE else "", count=n if n.isdigit() else ""
    )


@routes.post("/webhooks/{id}/test")
@needs("webhooks:write", reads="webhooks:read")
def post_test(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Post a test now, and tell how it ended; nothing of it is kept."""
    return _show(visit, id, trial=visit.desk.try_endpoint(_endpoint(visit, id)))


@routes.post("/webhooks/{id}/disable")
@needs("webhooks:write", reads="webhooks:read")
def post_disable(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Switch it off; what is pending waits."""
    return _switch(visit, id, enabled=False)


@routes.post("/webhooks/{id}/enable")
@needs("webhooks:write", reads="webhooks:read")
def post_enable(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Switch it on again."""
    return _switch(visit, id, enabled=True)


@routes.post("/webhooks/{id}/rotate_secret")
@needs("webhooks:write", reads="webhooks:read")
def post_rotate_secret(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Make a new secret and show it, this once; for a day the former one signs too."""
    if visit.form.one("sure") != "yes":
        return visit.page("desk/webhook_sure.html", section="webhooks", endpoint=_endpoint(visit, id), deed="rotate")
    made = rotate_secret(visit.site.store, visit.desk.kit, visit.merchant_id, id, now=visit.now(), by=visit.by)
    return _secret(visit, made.endpoint, made.secret, "rotated")


@routes.post("/webhooks/{id}/replay")
@needs("webhooks:write", reads="webhooks:read")
def post_replay(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Send again: one notification, or all that were given up."""
    named = visit.form.many("notification") or None
    count = replay(visit.site.store, visit.merchant_id, id, now=visit.now(), notification_ids=named, by=visit.by)
    return visit.go(f"{HERE}/{id}", done="replayed", n=str(count))


@routes.post("/webhooks/{id}/delete")
@needs("webhooks:write", reads="webhooks:read")
def post_delete(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Delete it with what was still to go there."""
    if visit.form.one("sure") != "yes":
        return visit.page("desk/webhook_sure.html", section="webhooks", endpoint=_endpoint(visit, id), deed="delete")
    delete_endpoint(visit.site.store, visit.merchant_id, id, now=visit.now(), by=visit.by)
    return visit.go(HERE)


DONE: Final = ("replayed", "enabled", "disabled")


def _switch(visit: Visit, endpoint_id: str, *, enabled: bool) -> Response:
    update_endpoint(
        visit.site.store,
        visit.desk.kit,
        visit.merchant_id,
        endpoint_id,
        now=visit.now(),
        enabled=enabled,
        by=visit.by,
    )
    return visit.go(f"{HERE}/{endpoint_id}", done="enabled" if enabled else "disabled")


def _list(visit: Visit, wrong: str | None = None) -> Response:
    with visit.site.store.read() as tx:
        endpoints = tx.endpoints.list(visit.merchant_id)
        trouble = tx.glance.trouble([each.id for each in endpoints])
    return visit.page(
        "desk/webhooks.html",
        422 if wrong else 200,
        section="webhooks",
        endpoints=endpoints,
        trouble=trouble,
        types=[str(each) for each in NotificationType],
        chosen=visit.form.many("type"),
        url=visit.form.one("url"),
        wrong=wrong,
    )


def _show(
    visit: Visit,
    endpoint_id: str,
    *,
    state: str = "",
    cursor: str = "",
    done: str = "",
    count: str = "",
    trial: Trial | None = None,
) -> Response:
    endpoint = _endpoint(visit, endpoint_id)
    wanted = _state(state)
    with visit.site.store.read() as tx:
        page = tx.outbox.deliveries(endpoint.id, state=wanted, cursor=cursor or None, limit=DELIVERIES)
        trouble = tx.glance.trouble([endpoint.id])[endpoint.id]
    return visit.page(
        "desk/webhook.html",
        section="webhooks",
        endpoint=endpoint,
        reports=page.items,
        next_cursor=page.next_cursor,
        cursor=cursor,
        state=state,
        states=list(DeliveryState),
        trouble=trouble,
        done=done,
        count=count,
        trial=trial,
    )


def _endpoint(visit: Visit, endpoint_id: str) -> Endpoint:
    with visit.site.store.read() as tx:
        endpoint = tx.endpoints.get(visit.merchant_id, endpoint_id)
    if endpoint is None:
        raise NotFound(f"no webhook endpoint {endpoint_id}")
    return endpoint


def _secret(visit: Visit, endpoint: Endpoint, secret: str, how: str) -> Response:
    return visit.page("desk/webhook_secret.html", section="webhooks", endpoint=endpoint, secret=secret, how=how)


def _state(text: str) -> DeliveryState | None:
    try:
        return DeliveryState(text) if text else None
    except ValueError as error:
        raise InvalidInput(f"there is no state {text!r}", param="state") from error

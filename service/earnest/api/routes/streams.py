"""What happens, as it happens: server-sent events for a payment's buyer, and for a merchant everything of his."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import Annotated, Any, Final

from fastapi import Header, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from earnest.api.access import keyed, public
from earnest.api.call import Call, InCall
from earnest.api.gate import Gate
from earnest.api.limits import counts_as
from earnest.api.route import router
from earnest.api.routes.checkout import find_public
from earnest.api.streams import sse
from earnest.api.streams.hub import Hub, Listener, Snapshot
from earnest.payment.errors import EarnestError, InvalidInput
from earnest.store.news import FIRST
from earnest.webhooks.envelope import envelope

routes = router("/v1")

PIECE: Final = 100
"""So many notifications are read at once."""
NOTHING_YET: Final = "nothing_yet"
"""Stands for the position before a merchant's first notification."""

_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events until one side ends it. A line that begins with a colon is a comment.",
        "content": {sse.MEDIA_TYPE: {"schema": {"type": "string"}}},
    }
}
LastEventId = Annotated[
    str | None, Header(alias="Last-Event-ID", max_length=100, description="The `id` of the last event that you have.")
]


@routes.get(
    "/checkout/{id}/stream",
    response_class=Response,
    responses=_STREAM,
    tags=["checkout"],
    summary="What a buyer may see, as it changes",
)
@public(cross_origin=True)
def get_checkout_stream(id: str, call: InCall, request: Request, last_event_id: LastEventId = None) -> Response:  # noqa: A002
    """Send the payment as `GET /v1/checkout/{id}` shows it: now, and each time that it looks otherwise.

    Events are called `payment`. Each is the whole payment, so the newest is all that counts; whoever comes back with
    the `Last-Event-ID` of what is still so is sent nothing until something changes. A reorg takes a payment back:
    `status` and `block` then are what they were before.
    """
    payment = find_public(call, id)
    hub: Hub = request.app.state.hub
    limits = call.services.limits
    key = (payment.chain_id, payment.id)
    address = request.client.host if request.client else "unknown"
    owner = f"address:{counts_as(address)}"
    listener = hub.listen(Listener(owner, payment=key), limits.streams_per_address)
    frames = _tell_payment(listener, lambda: hub.snapshot(key), last_event_id, limits.stream_keep_alive_seconds)
    return sse.EventStream(frames, lambda: hub.leave(listener))


@routes.get(
    "/stream",
    response_class=Response,
    responses=_STREAM,
    tags=["events"],
    summary="Every notification, as it comes",
)
@keyed("webhooks:read")
def get_stream(call: InCall, request: Request, last_event_id: LastEventId = None) -> Response:
    """Send the merchant's notifications, each once and in order; the data is a webhook's body, the `id` its id.

    It begins with what comes from now on, or right after `Last-Event-ID`, however long ago that was. The position is
    sent at once, so that nothing is lost if the connection breaks before the first event.
    """
    position, id_ = _position(call, last_event_id)
    hub: Hub = request.app.state.hub
    gate: Gate = request.app.state.gate
    shown = request.headers.get("authorization")
    merchant_id = call.merchant_id
    listener = Listener(f"merchant:{merchant_id}", merchant_id=merchant_id)
    hub.listen(listener, call.services.limits.streams_per_merchant)
    frames = _tell_merchant(call, listener, position, id_, lambda: gate.still_admits(shown, "webhooks:read"))
    return sse.EventStream(frames, lambda: hub.leave(listener))


def _position(call: Call, last_event_id: str | None) -> tuple[int, str]:
    """Return where a merchant's stream goes on, as a position and as the id that stands for it."""
    if last_event_id == NOTHING_YET:
        return FIRST, NOTHING_YET
    with call.services.store.read() as tx:
        if last_event_id is None or last_event_id == "":
            return tx.news.newest_of(call.merchant_id) or (FIRST, NOTHING_YET)
        position = tx.news.position_of(call.merchant_id, last_event_id)
    if position is None:
        raise InvalidInput(f"there is no event {last_event_id!r} of yours", param="Last-Event-ID")
    return position, last_event_id


async def _tell_merchant(
    call: Call, listener: Listener, position: int, id_: str, admitted: Callable[[], bool]
) -> AsyncGenerator[bytes, None]:
    def read(after: int) -> Sequence[tuple[int, bytes]]:
        with call.services.store.read() as tx:
            told = tx.news.after(listener.merchant_id or "", after, PIECE)
        return [(at, sse.frame(each.id, each.type, envelope(each))) for at, each in told]

    yield sse.begin(id_)
    checked, keep_alive_seconds = time.monotonic(), call.services.limits.stream_keep_alive_seconds
    while not listener.left:
        told = await _patiently(partial(read, position), ())
        for at, each in told:
            yield each
            position = at
        rung = len(told) == PIECE or await listener.bell.wait(keep_alive_seconds)
        if time.monotonic() - checked >= keep_alive_seconds or not rung:
            # A key that was revoked hears no more.
            if not await _patiently(admitted, True):
                return
            checked = time.monotonic()
            yield sse.KEEP_ALIVE


async def _tell_payment(
    listener: Listener, look: Callable[[], Snapshot | None], known: str | None, keep_alive_seconds: float
) -> AsyncGenerator[bytes, None]:
    yield sse.begin()
    while not listener.left:
        snapshot = await _patiently(look, None)
        if snapshot is not None and snapshot.id != known:
            known = snapshot.id
            yield sse.frame(snapshot.id, "payment", snapshot.body)
        if not await listener.bell.wait(keep_alive_seconds):
            yield sse.KEEP_ALIVE


async def _patiently(ask: Callable[[], Any], otherwise: Any) -> Any:
    """Ask in a thread; while the database is away a stream stays open and asks again later."""
    try:
        return await run_in_threadpool(ask)
    except EarnestError:
        return otherwise

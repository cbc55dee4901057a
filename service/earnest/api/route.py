"""The way every request goes: in by the gate, once under its idempotency key, out as an answer or as a problem."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from earnest.api.access import Access, access_of
from earnest.api.errors import OddText, UnsupportedMediaType
from earnest.api.gate import Gate
from earnest.api.node_turns import NodeTurns
from earnest.api.once import Idempotency, Once
from earnest.api.openapi import described
from earnest.api.problems import answer_problem

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """A route that cannot be made without saying who may use it.

    The framework's handlers are coroutines; all that waits (the database, the nodes) runs in its threads.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self.access = access_of(endpoint)
        super().__init__(path, endpoint, **described(self.access, options))

    def get_route_handler(self) -> Handler:
        """Return the framework's handler with ours around it."""
        inner = super().get_route_handler()
        if self.access.asks_node:
            inner = _in_turn(inner, self.access)

        async def handle(request: Request) -> Response:
            try:
                response = await self._admitted(request, inner)
            except Exception as error:  # every error is answered as a problem, the unknown ones too
                response = answer_problem(request, error)
            if self.access.cross_origin:
                response.headers["Access-Control-Allow-Origin"] = "*"
            return response

        return handle

    async def _admitted(self, request: Request, inner: Handler) -> Response:
        gate: Gate = request.app.state.gate
        address = request.client.host if request.client else "unknown"
        caller = None
        if self.access.scope is not None or self.access.limited:
            caller = await run_in_threadpool(gate.admit, self.access, request.headers.get("authorization"), address)
        request.state.caller = caller
        request.state.once = None
        body = await request.body()
        if body and not _is_json(request.headers.get("content-type", "")):
            raise UnsupportedMediaType()
        if _has_nul(request):
            raise OddText()
        if request.method != "POST" or caller is None:
            return await inner(request)
        idempotency: Idempotency = request.app.state.idempotency
        once = await run_in_threadpool(idempotency.begin, caller.merchant_id, request, body)
        if once is None:
            return await inner(request)
        return once if isinstance(once, Response) else await _once(request, inner, once)


def _in_turn(inner: Handler, access: Access) -> Handler:
    """Return a handler that asks a node, and waits for its turn to end no longer than it may."""

    async def handle(request: Request) -> Response:
        turns: NodeTurns = request.app.state.node_turns
        return await turns.run(inner(request), is_public=access.scope is None, seconds=access.node_seconds)

    return handle


async def _once(request: Request, inner: Handler, once: Once) -> Response:
    request.state.once = once
    try:
        response = await inner(request)
    except Exception as error:  # nothing was done, and the key is free again
        response = answer_problem(request, error)
    if not once.kept:
        await run_in_threadpool(once.settle, request.app.state.services.store, response)
    return response


def _has_nul(request: Request) -> bool:
    texts = (text for pair in request.query_params.multi_items() for text in pair)
    return "\x00" in request.scope["path"] or any("\x00" in text for text in texts)


def _is_json(content_type: str) -> bool:
    return content_type.split(";", maxsplit=1)[0].strip().lower() == "application/json"


def router(prefix: str = "", tag: str | None = None) -> APIRouter:
    """Return a router of guarded routes."""
    return APIRouter(prefix=prefix, tags=[tag] if tag else None, route_class=GuardedRoute)

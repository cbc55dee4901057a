"""A span for every request, where the host wants traces; the names are OpenTelemetry's own.

Source: OpenTelemetry, "Semantic conventions for HTTP spans".
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Span(Protocol):
    """One piece of work that is under way."""

    def rename(self, name: str) -> None:
        """Name it anew: what it is shows only on the way."""

    def note(self, **facts: str | int) -> None:
        """Add attributes; two underscores stand for a dot."""

    def fail(self, why: str) -> None:
        """Say that it failed by a fault of ours."""


class Tracer(Protocol):
    """Whoever takes spans; `earnest.wiring.tracing` has the real one."""

    def server_span(self, name: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
        """Begin a span, below the caller's own if the headers name one (W3C `traceparent`)."""


class Traces:
    """Gives each request a span: its method, its route's pattern, its status; never a query, a header or a body."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app, self._tracer = app, tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        with self._tracer.server_span(scope["method"], headers) as span:
            span.note(http__request__method=scope["method"], url__path=scope["path"])

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _name(span, scope, message["status"])
                await send(message)

            await self._app(scope, receive, told)


def _name(span: Span, scope: Scope, status: int) -> None:
    route = getattr(scope.get("route"), "path", None)
    if route is not None:
        # The path itself is the caller's, and would make a new name each time.
        span.rename(f"{scope['method']} {route}")
        span.note(http__route=route)
    span.note(http__response__status_code=status, earnest__request_id=scope["state"]["request_id"])
    if status >= 500:
        span.fail(f"answered with {status}")

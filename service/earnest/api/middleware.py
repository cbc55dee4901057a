"""Around every request: an id, one line in the log, the numbers, and a limit to how much is read."""

from __future__ import annotations

import re
import secrets
import time
from typing import Final

import structlog
from fastapi import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from earnest.api.errors import BodyTooLarge
from earnest.api.metrics import Metrics
from earnest.api.problems import answer_problem

REQUEST_ID: Final = "X-Request-Id"
_GIVEN_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)

SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'"),
    # A payment's id is the key to its page.
    (b"referrer-policy", b"no-referrer"),
)
"""For data, which is not a page; the pages bring their own. Source: OWASP, "REST security cheat sheet"."""
NOT_KEPT: Final = ((b"cache-control", b"no-store"),)

log = structlog.get_logger("earnest.api.access")


class Telemetry:
    """Gives each request an id, and tells of it when it is over: never its query, its headers or its body."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.monotonic(), 500
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            with structlog.contextvars.bound_contextvars(request_id=request_id):
                await self._app(scope, receive, told)
        finally:
            seconds = time.monotonic() - started
            self._metrics.observe(scope["method"], _route(scope), status, seconds)
            log.info(
                "request",
                request_id=request_id,
                method=scope["method"],
                path=scope["path"],
                status=status,
                duration_ms=round(seconds * 1_000, 1),
                key=getattr(scope["state"].get("caller"), "key_id", None),
            )


class SafeHeaders:
    """Tells browsers not to guess, frame, run or keep what we answer; what an answer says of it itself goes before."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = [*SAFE_HEADERS, *(NOT_KEPT if scope["path"].startswith("/v1/") else ())]

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = {name.lower() for name, _ in message.get("headers", [])}
                missing = [each for each in wanted if each[0] not in said]
                message["headers"] = [*message.get("headers", []), *missing]
            await send(message)

        await self._app(scope, receive, told)


class BodyLimit:
    """Refuses a body that is too large before anybody has read it whole, whatever its Content-Length claims."""

    def __init__(self, app: ASGIApp, limit_bytes: int) -> None:
        self._app, self._limit = app, limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        body: list[bytes] = []
        size = int(declared) if declared.isdigit() and len(declared) < 20 else 0
        while size <= self._limit:
            message = await receive()
            if message["type"] != "http.request":
                return
            body.append(message.get("body", b""))
            size = sum(map(len, body))
            if size <= self._limit and not message.get("more_body"):
                await self._app(scope, _replayed(b"".join(body), receive), send)
                return
        await answer_problem(Request(scope), BodyTooLarge(self._limit))(scope, receive, send)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that hands out a body already read, then what really comes (the client going away)."""
    handed_out = False

    async def replay() -> Message:
        nonlocal handed_out
        if handed_out:
            return await receive()
        handed_out = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _request_id(scope: Scope) -> str:
    """Return the caller's own id where it is harmless, else a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
    return given if _GIVEN_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"


def _route(scope: Scope) -> str:
    """Return the path's pattern: the path itself is the caller's, and would make a new series each time."""
    return str(getattr(scope.get("route"), "path", "none"))

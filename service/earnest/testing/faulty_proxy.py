"""A real HTTP server before a real node that lets faults happen by a plan.

with FaultyProxy(node_url, FaultPlan([Fault(FaultKind.RATE_LIMIT, 0.2)], seed=3)) as proxy:
    client = Client(proxy.url)
    ...
    with proxy.plan.also(Fault(FaultKind.DROP)):  # an outage
        ...
    assert proxy.plan.happened[FaultKind.RATE_LIMIT]
    print(proxy.calls)
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from earnest.chain.errors import RpcError
from earnest.testing.fault_plans import Fault, FaultKind, FaultPlan
from earnest.testing.faulty_answers import befallen

UPSTREAM_SECONDS: Final = 60.0
_HTML: Final = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
_REFUSED_BATCH: Final = {"code": -32600, "message": "batch requests are not supported"}


@dataclass(frozen=True, slots=True)
class ProxyCall:
    """One question as it came: in which request (counted from 0), and which fault befell that request."""

    request: int
    method: str
    params: Any
    fault: FaultKind | None = None


class FaultyProxy:
    """Listens on 127.0.0.1 and passes questions on to a node, or not.

    Args:
        upstream: the true node's URL (http).
        plan: which faults, and when; none by default, and may be changed at any time by its `faults`.
        port: 0 picks a free one.
    """

    def __init__(self, upstream: str, plan: FaultPlan | None = None, *, port: int = 0) -> None:
        self.plan = plan or FaultPlan()
        self.upstream = upstream
        """The true node's URL; may be changed at any time, and then it is another node that answers."""
        self.keeps_calls = True
        """Whether `calls` are kept; to be switched off where millions come."""
        self._calls: list[ProxyCall] = []
        self._requests = 0
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="faulty-proxy", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def calls(self) -> list[ProxyCall]:
        """Every question so far, in the order in which they came."""
        with self._lock:
            return list(self._calls)

    @property
    def requests(self) -> int:
        """How many HTTP requests came so far."""
        with self._lock:
            return self._requests

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> FaultyProxy:
        """Return itself; it listens already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self.close()

    def note(self, asked: Sequence[dict[str, Any]], fault: Fault | None) -> None:
        """Remember what was asked, and count the fault that befell it."""
        if fault is not None:
            self.plan.note(fault)
        with self._lock:
            number, self._requests = self._requests, self._requests + 1
            if self.keeps_calls:
                kind = fault.kind if fault is not None else None
                self._calls += [ProxyCall(number, each["method"], each.get("params", []), kind) for each in asked]


class _Server(ThreadingHTTPServer):
    proxy: FaultyProxy
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hung up."""


class _UpstreamGone(Exception):
    """The true node does not answer: the caller sees a connection that breaks off."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    _connection: HTTPConnection | None = None
    _connected_to = ""

    def do_POST(self) -> None:
        """Take one request, single or batch."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = msgspec.json.decode(raw)
        asked = body if isinstance(body, list) else [body]
        plan = self.server.proxy.plan
        fault = plan.request([each["method"] for each in asked], [each.get("params", []) for each in asked])
        self.server.proxy.note(asked, fault)
        try:
            if fault is None or not self._befallen(fault, raw):
                self._send(200, self._answered(raw, body))
        except _UpstreamGone:
            self.close_connection = True

    def finish(self) -> None:
        """Close the connection to the node with the caller's."""
        with contextlib.suppress(OSError):  # the caller may have hung up before he was answered
            super().finish()
        if self._connection is not None:
            self._connection.close()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Say nothing."""

    def _befallen(self, fault: Fault, raw: bytes) -> bool:
        """Let a fault befall the request; returns whether that was its answer."""
        match fault.kind:
            case FaultKind.DELAY:
                time.sleep(fault.seconds)
                return False
            case FaultKind.DROP:
                self.close_connection = True
            case FaultKind.LOSE:
                self._ask_raw(raw)
                self.close_connection = True
            case FaultKind.TRUNCATE:
                whole = self._ask_raw(raw)
                self.close_connection = True
                self._send(200, whole[: len(whole) // 2])
            case FaultKind.GARBAGE:
                self._send(200, _HTML, "text/html")
            case FaultKind.RATE_LIMIT:
                told = {} if fault.retry_after_seconds is None else {"Retry-After": str(fault.retry_after_seconds)}
                self._send(429, b"Too Many Requests", "text/plain", told)
            case FaultKind.SERVER_ERROR:
                self._send(502, _HTML, "text/html")
            case FaultKind.NO_BATCHES:
                self._send(200, msgspec.json.encode({"jsonrpc": "2.0", "id": None, "error": _REFUSED_BATCH}))
        return True

    def _answered(self, raw: bytes, body: Any) -> bytes:
        asked = body if isinstance(body, list) else [body]
        if not any(self.server.proxy.plan.may_befall(each["method"]) for each in asked):
            return self._ask_raw(raw)  # as it came: what nothing can befall costs next to nothing
        plan = self.server.proxy.plan
        faults = [plan.question(each["method"], each.get("params", [])) for each in asked]
        told = self._told([each for each, struck in zip(asked, faults, strict=True) if _is_asked(each, struck)])
        answers = [
            self._befallen_one(each, struck, told) if struck else told[_words(each)] | {"id": each.get("id")}
            for each, struck in zip(asked, faults, strict=True)
        ]
        return msgspec.json.encode(answers if isinstance(body, list) else answers[0])

    def _told(self, asked: list[dict[str, Any]]) -> dict[bytes, dict[str, Any]]:
        """Return the true node's answers by the questions' words: asked for all at once."""
        if not asked:
            return {}
        numbered = [each | {"id": number} for number, each in enumerate(asked)]
        answers = msgspec.json.decode(self._ask_raw(msgspec.json.encode(numbered)))
        return {_words(asked[each["id"]]): each for each in answers}

    def _befallen_one(
        self, asked: dict[str, Any], faults: Sequence[Fault], told: dict[bytes, dict[str, Any]]
    ) -> dict[str, Any]:
        head, params = {"jsonrpc": "2.0", "id": asked.get("id")}, asked.get("params", [])

        def ask(method: str, params: Sequence[Any]) -> Any:
            # What comes together is answered as of one moment, and each question by itself takes a millisecond.
            question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
            if (words := _words(question)) not in told:
                told[words] = msgspec.json.decode(self._ask_raw(msgspec.json.encode(question)))
            return _result(method, told[words])

        try:
            return head | {"result": befallen(self.server.proxy.plan, faults, asked["method"], params, ask)}
        except RpcError as error:
            why: dict[str, Any] = {"code": error.error_code, "message": error.message}
            return head | {"error": why if error.data is None else why | {"data": error.data}}

    def _ask_raw(self, raw: bytes) -> bytes:
        for again in (True, False):
            connection = self._upstream()
            try:
                connection.request("POST", "/", raw, {"Content-Type": "application/json"})
                return connection.getresponse().read()
            except (HTTPException, OSError) as error:
                connection.close()
                # A kept connection may have been closed by the node meanwhile: that is tried anew, once.
                if not again:
                    raise _UpstreamGone from error
        raise AssertionError("unreachable")

    def _upstream(self) -> HTTPConnection:
        url = self.server.proxy.upstream
        if self._connection is None or self._connected_to != url:
            parts = urlsplit(url)
            self._connection, self._connected_to = HTTPConnection(parts.netloc, timeout=UPSTREAM_SECONDS), url
        return self._connection

    def _send(
        self, status: int, body: bytes, kind: str = "application/json", more: dict[str, str] | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(more or {})}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


def _is_asked(asked: dict[str, Any], faults: Sequence[Fault]) -> bool:
    """Whether the true node is asked for this just as it came, or may be: what it only tells does no harm."""
    is_refused = any(each.kind is FaultKind.RPC_ERROR for each in faults)
    return not faults or not (is_refused or asked["method"] == "eth_sendRawTransaction")


def _words(asked: dict[str, Any]) -> bytes:
    return msgspec.json.encode([asked["method"], asked.get("params", [])])


def _result(method: str, told: dict[str, Any]) -> Any:
    if "error" in told:
        raise RpcError(method, told["error"]["code"], told["error"]["message"], told["error"].get("data"))
    return told["result"]

"""A merchant's shop as far as webhooks see it: a real HTTP server that verifies, remembers, and fails on request."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Event, Thread
from types import TracebackType
from typing import Any, Final

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

MAX_BODY_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Received:
    """One webhook as it came. `body` is parsed whether the signature fits or not; `answered` is our status code."""

    id: str
    headers: Mapping[str, str]
    raw: bytes
    body: dict[str, Any]
    verified: bool
    answered: int
    at: float

    @property
    def type(self) -> str:
        """What happened, such as `payment.funded`."""
        return str(self.body.get("type", ""))

    @property
    def payment_id(self) -> str:
        """Which payment it is about."""
        data = self.body.get("data")
        return str(data.get("id", "")) if isinstance(data, dict) else ""


class WebhookReceiver:
    """Listens on 127.0.0.1; import it in your own tests.

        with WebhookReceiver() as shop:
            secret = api.post("/v1/webhook_endpoints", {"url": shop.url})["secret"]
            shop.trust(secret)
            ...
            funded = shop.wait_for("payment.funded", payment_id, timeout=10)

    Args:
        secret: the endpoint's `whsec_…`; without one nothing verifies until `trust` is called.
        port: 0 picks a free one.
    """

    def __init__(self, secret: str | None = None, *, port: int = 0) -> None:
        self._secrets = [secret] if secret else []
        self._received: list[Received] = []
        self._changed = Condition()
        self._failures_left = 0
        self._failure: tuple[int, dict[str, str]] = (500, {})
        self._gone, self._delay_seconds = False, 0.0
        self._closing = Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.receiver = self
        self._thread = Thread(target=self._server.serve_forever, args=(0.05,), name="webhook-receiver", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"

    @property
    def received(self) -> list[Received]:
        """Everything that came so far, in order, repeats and forgeries too."""
        with self._changed:
            return list(self._received)

    @property
    def secrets(self) -> list[str]:
        """The secrets whose signatures it accepts."""
        with self._changed:
            return list(self._secrets)

    def trust(self, secret: str) -> None:
        """Accept signatures made with this secret too (a rotation has two for a while)."""
        with self._changed:
            self._secrets.append(secret)

    def fail(self, times: int = 1, *, status: int = 500, retry_after: int | None = None) -> None:
        """Answer the next webhooks with an error; they are remembered all the same."""
        with self._changed:
            headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
            self._failures_left, self._failure = times, (status, headers)

    def be_gone(self, gone: bool = True) -> None:
        """Answer 410 from now on, which asks the sender to stop for good."""
        with self._changed:
            self._gone = gone

    def be_slow(self, seconds: float) -> None:
        """Wait so long before each answer."""
        with self._changed:
            self._delay_seconds = seconds

    def wait_for(self, type: str, payment_id: str | None = None, timeout: float = 10.0) -> Received:  # noqa: A002
        """Return the first webhook of a type (and a payment) that came, verified and answered with 200.

        Raises:
            TimeoutError: none came in time; it says what did.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                for each in self._received:
                    fits = each.type == type and payment_id in (None, each.payment_id)
                    if fits and each.verified and each.answered == 200:
                        return each
                left = deadline - time.monotonic()
                if left <= 0:
                    came = [each.type + ("" if each.verified else " (not verified)") for each in self._received]
                    raise TimeoutError(f"no {type} for {payment_id or 'any payment'} in {timeout} s; came: {came}")
                self._changed.wait(left)

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> WebhookReceiver:
        """Return itself; it listens already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        self.close()

    def _take(self, headers: Mapping[str, str], raw: bytes) -> tuple[int, Mapping[str, str]]:
        """Remember one webhook and return how to answer it."""
        try:
            parsed = json.loads(raw)
        except ValueError:
            parsed = {}
        with self._changed:
            verified = any(_verifies(secret, headers, raw) for secret in self._secrets)
            status, extra = self._answer(verified)
            body = parsed if isinstance(parsed, dict) else {}
            self._received.append(
                Received(headers.get("webhook-id", ""), headers, raw, body, verified, status, time.time())
            )
            self._changed.notify_all()
            delay_seconds = self._delay_seconds
        if delay_seconds:
            self._closing.wait(delay_seconds)
        return status, extra

    def _answer(self, verified: bool) -> tuple[int, Mapping[str, str]]:
        if self._gone:
            return 410, {}
        if self._failures_left > 0:
            self._failures_left -= 1
            return self._failure
        return (200, {}) if verified else (401, {})


def _verifies(secret: str, headers: Mapping[str, str], raw: bytes) -> bool:
    try:
        Webhook(secret).verify(raw, dict(headers), json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


class _Server(ThreadingHTTPServer):
    receiver: WebhookReceiver
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Take one webhook."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            self.send_error(413)
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, extra = self.server.receiver._take(headers, self.rfile.read(length))
        try:
            self.send_response(status)
            for name, value in {**extra, "Content-Length": "2"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"ok")
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """Say nothing."""

"""One HTTP exchange with the service: what is asked, asked again, decoded, and what went wrong, by its name."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Container, Mapping
from typing import Any, Final, TypeVar

import httpx
import msgspec

from earnest.client.errors import NotEarnest, Problem, Unreachable
from earnest.payment.errors import InvalidInput

T = TypeVar("T")

TIMEOUT_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 0.2
"""Before a call is made again, where the service did not say how long to wait."""
A_SERVICE: Final = " of a service: give one such as http://127.0.0.1:8000"
_HEADER_SAFE: Final = re.compile(r"[!-~]+", re.ASCII)


class Http:
    """Asks the service; safe to use from many threads.

    Args:
        base_url: where the service answers.
        api_key: the merchant's; None: only what is public.
        patience_seconds: how long a call is made again while nobody answers, or the service says that it can help.
        transport: for tests.
    """

    def __init__(
        self, base_url: str, api_key: str | None, patience_seconds: float, transport: httpx.BaseTransport | None = None
    ) -> None:
        self.base_url, self.api_key = checked_url(base_url, A_SERVICE).rstrip("/"), api_key
        if api_key and not _HEADER_SAFE.fullmatch(api_key):
            # Not repeated: it is a secret, or nearly one.
            raise InvalidInput(
                "the API key has a space or a sign that no key has; copy it again: ek_test_… or ek_live_…"
            )
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._patience_seconds = patience_seconds
        # Proxies of the environment are for the world outside, and this is often a service beside the program.
        self.client = httpx.Client(
            base_url=self.base_url, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False, transport=transport
        )

    def ask(
        self,
        method: str,
        path: str,
        into: type[T],
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        answers: Container[int] = (),
    ) -> T:
        """Make one call, again where that can help, and return its answer as a value.

        A POST keeps its idempotency key over all tries, so that it has its effect once. `answers` are statuses that
        are answers beside 2xx.

        Raises:
            Problem, Unreachable, NotEarnest: as named.
        """
        how: dict[str, Any] = {"params": _given(query or {})}
        if method in ("POST", "PATCH"):
            how["json"] = _given(body or {})
        if method == "POST":
            how["headers"] = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._patiently(lambda: self._decoded(self._once(method, path, how, answers), into))

    def content(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """Return the very bytes of an answer to a GET; raises as `ask` does."""
        return self._patiently(lambda: self._once("GET", path, {"params": _given(query or {})}).content)

    def _patiently(self, call: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                return call()
            except (Unreachable, Problem) as error:
                pause = _pause_before_retry(error)
                if pause is None or time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)

    def _once(self, method: str, path: str, how: Mapping[str, Any], answers: Container[int] = ()) -> httpx.Response:
        try:
            answer = self.client.request(method, path, **how)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error
        if answer.status_code not in answers:
            check(answer)
        return answer

    def _decoded(self, answer: httpx.Response, into: type[T]) -> T:
        try:
            if _is_a_nodes(answer):
                raise _a_node(answer)
            return msgspec.json.decode(answer.content, type=into, strict=False)
        except msgspec.MsgspecError as error:
            why = f"{self.base_url} does not answer as this service does at {answer.url.path}: {error}"
            raise NotEarnest(why) from None

    def unreachable(self, error: Exception) -> Unreachable:
        """Return the error for an address where nobody answers."""
        return Unreachable(f"no answer from {self.base_url} ({str(error) or type(error).__name__}): is the service up?")


def check(answer: httpx.Response) -> None:
    """Raise `Problem` for an answer that is one, `NotEarnest` for an error that this service would not give."""
    if answer.is_success:
        return
    try:
        told = answer.json()
    except ValueError:
        told = None
    if isinstance(told, dict) and "code" in told:
        after = answer.headers.get("Retry-After", "")
        raise Problem(answer.status_code, told, int(after) if after.isdecimal() else None)
    if _is_a_nodes(answer):
        raise _a_node(answer)
    if answer.status_code >= 500:
        title = f"{_origin(answer)} answers with HTTP {answer.status_code} and no more: is the service behind it up?"
        raise Problem(answer.status_code, {"title": title, "retryable": True})
    raise NotEarnest(f"{_origin(answer)} does not answer as this service does (HTTP {answer.status_code})")


def _is_a_nodes(answer: httpx.Response) -> bool:
    if b'"jsonrpc"' not in answer.content:
        return False  # nearly always, and at no cost
    try:
        told = answer.json()
    except ValueError:
        return False
    return isinstance(told, dict) and "jsonrpc" in told


def _a_node(answer: httpx.Response) -> NotEarnest:
    return NotEarnest(f"{_origin(answer)} is a chain's node, not this service")


def _origin(answer: httpx.Response) -> str:
    """Return where it came from as people write it, and nothing that may be secret."""
    return str(answer.url.copy_with(username="", password="", path="", query=None, fragment=None)).rstrip("/")


def _pause_before_retry(error: Unreachable | Problem) -> float | None:
    if isinstance(error, Unreachable):
        return PAUSE_SECONDS
    if not error.may_retry:
        return None
    return max(PAUSE_SECONDS, float(error.retry_after_seconds or 0))


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def checked_url(text: str, what: str) -> str:
    """Return the URL of a server; raises `InvalidInput`, whose message goes on with `what`."""
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.host:
        raise InvalidInput(f"{text!r} is no URL{what}")
    return text

"""One HTTP exchange with the service: what is asked, asked again, decoded, and what went wrong, by its name."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
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
            raise InvalidInput("the API key has a sign that no key has; copy it again: ek_test_… or ek_live_…")
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
    ) -> T:
        """Make one call, again where that can help, and return its answer as a value.

        A POST keeps its idempotency key over all tries, so that it has its effect once.

        Raises:
            Problem, Unreachable, NotEarnest: as named.
        """
        how: dict[str, Any] = {"params": _given(query or {})}
        if method in ("POST", "PATCH"):
            how["json"] = _given(body or {})
        if method == "POST":
            how["headers"] = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        deadline = time.monotonic() + self._patience_seconds
        while True:
            try:
                return self._once(method, path, into, how)
            except (Unreachable, Problem) as error:
                pause = _pause_before_retry(error)
                if pause is None or time.monotonic() + pause > deadline:
                    raise
                time.sleep(pause)

    def _once(self, method: str, path: str, into: type[T], how: dict[str, Any]) -> T:
        try:
            answer = self.client.request(method, path, **how)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error
        check(answer)
        try:
            return msgspec.json.decode(answer.content, type=into, strict=False)
        except msgspec.MsgspecError as error:
            raise NotEarnest(f"{self.base_url} does not answer {path} as this service does: {error}") from None

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
    if answer.status_code >= 500:
        title = f"{answer.url.host} answers with HTTP {answer.status_code} and no more: is the service behind it up?"
        raise Problem(answer.status_code, {"title": title, "retryable": True})
    raise NotEarnest(f"{answer.url.host} does not answer as this service does (HTTP {answer.status_code})")


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

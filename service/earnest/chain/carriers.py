"""What carries a question to a node and its answer back, whatever both say; here by way of httpx, where it must be.

That is where a proxy is on the way, and in tests. All else goes by `earnest.chain.connections`, at half the cost.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

import httpx

from earnest.chain.errors import AnswerTooLarge, MalformedAnswer, NodeTimeout, NodeUnavailable
from earnest.chain.later import Later

MAX_TIMEOUTS_AN_ANSWER: Final = 6
"""A whole answer takes at most so many timeouts: a node that drips would else hold the follower for days, unnoticed."""


class Limits(NamedTuple):
    """How long each silence may last, and how large an answer may be once it is decompressed."""

    timeout_seconds: float
    max_answer_bytes: int

    @property
    def patience_seconds(self) -> float:
        """How long a whole answer may take."""
        return self.timeout_seconds * MAX_TIMEOUTS_AN_ANSWER


class HttpAnswer(NamedTuple):
    """An answer as HTTP gives it, decompressed."""

    status: int
    retry_after: str | None
    body: bytes


class Carrier(Protocol):
    """Posts to one URL; safe to be used by many threads."""

    def post(self, content: bytes) -> HttpAnswer:
        """Post and return what was answered; raises leaves of `NodeUnavailable`, none of which name the URL."""

    def post_later(self, content: bytes) -> Later[HttpAnswer]:
        """Post, and return the way to what is answered; both raise as `post` does."""

    def close(self) -> None:
        """Close the connections; nothing is posted after that."""


class OverHttpx:
    """Fills `Carrier` with a transport of httpx, without a client around it, of which nothing but its cost would be
    left: no redirects, no cookies, no hooks.

    Args:
        url: where to; may hold a secret.
        endpoint: the name under which it is spoken of.
        headers: of every question.
    """

    def __init__(
        self,
        url: httpx.URL,
        endpoint: str,
        headers: Mapping[str, str],
        limits: Limits,
        transport: httpx.BaseTransport,
    ) -> None:
        self._url, self._endpoint, self._headers, self._limits = url, endpoint, dict(headers), limits
        self._transport = transport
        self._extensions = {"timeout": httpx.Timeout(limits.timeout_seconds).as_dict()}
        self._closed = False

    def post(self, content: bytes) -> HttpAnswer:
        """Post by way of the transport."""
        if self._closed:
            raise NodeUnavailable(self._endpoint, "is not asked any more: the connections were closed")
        request = httpx.Request("POST", self._url, headers=self._headers, content=content, extensions=self._extensions)
        try:
            response = self._transport.handle_request(request)
            response.request = request
            try:
                body = self._read(response)
            finally:
                response.close()
        except httpx.TimeoutException:
            raise NodeTimeout(self._endpoint, f"did not answer within {self._limits.timeout_seconds:g} s") from None
        except httpx.DecodingError:
            raise MalformedAnswer(self._endpoint, "sent an answer that cannot be decompressed") from None
        except httpx.ConnectError:
            raise NodeUnavailable(self._endpoint, "cannot be reached") from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, httpx.CookieConflict, RuntimeError) as error:
            # RuntimeError: another thread closed the connections. Causes are not chained: they may hold the URL.
            raise NodeUnavailable(self._endpoint, f"did not answer: {type(error).__name__}") from None
        return HttpAnswer(response.status_code, response.headers.get("Retry-After"), body)

    def post_later(self, content: bytes) -> Later[HttpAnswer]:
        """Post as soon as the answer is wanted: a transport of httpx does not separate the two."""
        return Later(lambda: self.post(content))

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        self._transport.close()

    def _read(self, response: httpx.Response) -> bytes:
        parts: list[bytes] = []
        size = 0
        deadline = time.monotonic() + self._limits.patience_seconds
        for part in response.iter_bytes():
            size += len(part)
            if time.monotonic() > deadline:
                raise did_not_finish(self._endpoint, self._limits)
            if size > self._limits.max_answer_bytes:
                raise too_large(self._endpoint, self._limits)
            parts.append(part)
        return b"".join(parts)


def did_not_finish(endpoint: str, limits: Limits) -> NodeTimeout:
    """Return the error of an answer that drips."""
    return NodeTimeout(endpoint, f"did not finish its answer within {limits.patience_seconds:g} s")


def too_large(endpoint: str, limits: Limits) -> AnswerTooLarge:
    """Return the error of an answer that is larger than we read."""
    return AnswerTooLarge(endpoint, f"sent more than {limits.max_answer_bytes} bytes")

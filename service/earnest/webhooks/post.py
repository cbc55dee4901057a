"""One HTTP try at an endpoint: to the address that was checked, by a deadline, without redirects or proxies."""

# ruff: noqa: ARG002  (the backend takes what httpcore hands it, and has its own deadline instead of its timeouts)

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import certifi
import httpcore

from earnest.payment.errors import EarnestError
from earnest.webhooks.errors import TargetRefused, TargetUnresolved
from earnest.webhooks.retry import Answer, parse_retry_after
from earnest.webhooks.targets import Resolver, checked_addresses, parse_target, resolve_by_system

TIMEOUT_SECONDS: Final = 15.0
"""For the whole try, from connecting to the last byte that we read; a receiver should answer first and work later."""
MAX_ANSWER_BYTES: Final = 4_096
"""Nobody needs the answer's body; we read so much of it that a connection ends in good manners."""


_of_this_thread: Final = threading.local()
_parse_target: Final = lru_cache(maxsize=1_000)(parse_target)
"""The parts of a URL follow from nothing but the URL; where its host leads is asked for each try."""


class _WithheldError(Exception):
    """Nothing may be sent any more."""


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Poster:
    """Posts signed bodies.

    Args:
        user_agent: what we call ourselves.
        allow_private: http and private addresses too; the developer's stack only.
        resolve: how names become addresses.
        ssl_context: whom TLS trusts; None: the well-known authorities.
        timeout_seconds: for a whole try.
        may_send: whether what is to be sent is still ours to send; asked right before anything goes out. A process that
            was stopped for a while must not send what another one has sent since, after what came later.
    """

    user_agent: str = "earnest"
    allow_private: bool = False
    resolve: Resolver = resolve_by_system
    ssl_context: ssl.SSLContext | None = None
    timeout_seconds: float = TIMEOUT_SECONDS
    may_send: Callable[[], bool] = _always
    monotonic: Callable[[], float] = time.monotonic

    def post(self, url: str, headers: Mapping[str, str], body: bytes, now: int) -> Answer:
        """Post `body` and return how it ended; `now` is wall time (Unix). Raises nothing but faults of ours."""
        try:
            target = _parse_target(url, allow_private=self.allow_private)
            backend = _CheckedBackend(self, self.monotonic() + self.timeout_seconds)
            context = (self.ssl_context or _well_known_authorities()) if target.scheme == "https" else None
            # For this one try: a connection to one name is never used for another that shares its address.
            origin = httpcore.URL(target.url).origin
            with httpcore.HTTPConnection(origin, context, http2=False, network_backend=backend) as connection:
                return self._exchange(connection, target.url, headers, body, now)
        except (TargetRefused, TargetUnresolved) as error:
            return Answer(error=str(error))
        except EarnestError as error:
            return Answer(error=f"the endpoint's URL cannot be used: {error}")
        except _WithheldError:
            return Answer(error="this process was away for too long: others deliver what it had claimed", withheld=True)
        except (httpcore.TimeoutException, TimeoutError):
            return Answer(error=f"no answer within {self.timeout_seconds:g} seconds")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
            return Answer(error=f"{type(error).__name__}: {error}"[:300])

    def _exchange(
        self, connection: httpcore.HTTPConnection, url: str, headers: Mapping[str, str], body: bytes, now: int
    ) -> Answer:
        sent = {
            **headers,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": self.user_agent,
            "accept": "*/*",
            "connection": "close",
        }
        timeouts = dict.fromkeys(("connect", "read", "write", "pool"), self.timeout_seconds)
        with connection.stream(
            "POST", url, headers=list(sent.items()), content=body, extensions={"timeout": timeouts}
        ) as response:
            retry_after = next((value for name, value in response.headers if name.lower() == b"retry-after"), None)
            answer = Answer(
                status_code=response.status,
                retry_after_seconds=parse_retry_after(retry_after.decode("latin-1") if retry_after else None, now),
            )
            _read_a_little(response)
            return answer


def _well_known_authorities() -> ssl.SSLContext:
    """Return the calling thread's context; made once, for loading the authorities takes 50 ms, longer than most tries.

    One for each thread, since httpcore writes into the context before it connects.
    """
    context: ssl.SSLContext | None = getattr(_of_this_thread, "context", None)
    if context is None:
        context = _of_this_thread.context = ssl.create_default_context(cafile=certifi.where())
    return context


def _read_a_little(response: httpcore.Response) -> None:
    """Read up to the limit; an answer that breaks off after its status was still an answer."""
    read = 0
    try:
        for chunk in response.iter_stream():
            read += len(chunk)
            if read >= MAX_ANSWER_BYTES:
                return
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException):
        return


class _CheckedBackend(httpcore.NetworkBackend):
    """Connects to an address that was checked, whatever the name leads to a moment later (DNS rebinding).

    TLS and the Host header keep the name: httpcore takes them from the URL, which is not touched.
    """

    def __init__(self, poster: Poster, deadline: float) -> None:
        self._poster, self._deadline = poster, deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = checked_addresses(host, port, self._poster.resolve, allow_private=self._poster.allow_private)
        failed: Exception | None = None
        for address in addresses:
            try:
                stream = self._inner.connect_tcp(address, port, self._left(), local_address, socket_options)
                return _DeadlineStream(stream, self._left, self._poster.may_send)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed or httpcore.ConnectError("no address to connect to")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("webhooks go to names, not to sockets of this machine")

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def _left(self) -> float:
        left = self._deadline - self._poster.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline is over")
        return left


class _DeadlineStream(httpcore.NetworkStream):
    """A stream whose every step has only what is left of one deadline: an endpoint that drips cannot hold a worker."""

    def __init__(self, inner: httpcore.NetworkStream, left: Callable[[], float], may_send: Callable[[], bool]) -> None:
        self._inner, self._left, self._may_send = inner, left, may_send

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if not self._may_send():
            raise _WithheldError
        self._inner.write(buffer, self._left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        inner = self._inner.start_tls(ssl_context, server_hostname, self._left())
        return _DeadlineStream(inner, self._left, self._may_send)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

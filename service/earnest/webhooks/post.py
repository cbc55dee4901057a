"""One HTTP try at an endpoint: to the address that was checked, by a deadline, without redirects or proxies."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import certifi
import h11

from earnest.payment.errors import EarnestError
from earnest.webhooks.errors import TargetRefused, TargetUnresolved
from earnest.webhooks.line import Line, connect
from earnest.webhooks.retry import Answer, parse_retry_after
from earnest.webhooks.targets import Resolver, Target, checked_addresses, parse_target, resolve_by_system

TIMEOUT_SECONDS: Final = 15.0
"""For the whole try, from connecting to the last byte that we read; a receiver should answer first and work later."""
MAX_ANSWER_BYTES: Final = 4_096
"""Nobody needs the answer's body; we read so much of it that a connection ends in good manners."""
MAX_HEAD_BYTES: Final = 100 * 1_024
"""Of an answer."""


class _WithheldError(Exception):
    """Nothing may be sent any more."""


class _Place(NamedTuple):
    """What follows from a URL alone; where its host leads is asked for each try."""

    target: Target
    path: str
    host: str
    """As in the header of that name."""


def _always() -> bool:
    return True


@lru_cache(maxsize=1_000)
def _place(url: str, *, allow_private: bool) -> _Place:
    target, parts = parse_target(url, allow_private=allow_private), urlsplit(url)
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    is_usual = target.port == (443 if target.scheme == "https" else 80)
    query = f"?{parts.query}" if parts.query else ""
    return _Place(target, f"{parts.path or '/'}{query}", host if is_usual else f"{host}:{target.port}")


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
            place = _place(url, allow_private=self.allow_private)
            # For this one try: a connection to one name is never used for another that shares its address.
            with closing(self._connect(place.target)) as line:
                return self._exchange(line, place, headers, body, now)
        except (TargetRefused, TargetUnresolved) as error:
            return Answer(error=str(error))
        except EarnestError as error:
            return Answer(error=f"the endpoint's URL cannot be used: {error}")
        except _WithheldError:
            return Answer(error="this process was away for too long: others deliver what it had claimed", withheld=True)
        except TimeoutError:
            return Answer(error=f"no answer within {self.timeout_seconds:g} seconds")
        except (OSError, h11.ProtocolError) as error:
            return Answer(error=f"{type(error).__name__}: {error}"[:300])

    def _connect(self, target: Target) -> Line:
        """Connect to an address that was checked, whatever the name leads to a moment later (DNS rebinding).

        TLS and the Host header keep the name.
        """
        deadline = self.monotonic() + self.timeout_seconds

        def seconds_left() -> float:
            left = deadline - self.monotonic()
            if left <= 0:
                raise TimeoutError("the deadline is over")
            return left

        addresses = checked_addresses(target.host, target.port, self.resolve, allow_private=self.allow_private)
        line = connect(addresses, target.port, seconds_left)
        if target.scheme == "https":
            try:
                line.begin_tls(self.ssl_context or _well_known_authorities(), target.host)
            except BaseException:
                line.close()
                raise
        return line

    def _exchange(self, line: Line, place: _Place, headers: Mapping[str, str], body: bytes, now: int) -> Answer:
        sent = {
            "host": place.host,
            **headers,
            "content-type": "application/json",
            "content-length": str(len(body)),
            "user-agent": self.user_agent,
            "accept": "*/*",
            "connection": "close",
        }
        http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD_BYTES)
        events = (
            h11.Request(method="POST", target=place.path, headers=list(sent.items())),
            h11.Data(data=body),
            h11.EndOfMessage(),
        )
        asked = b"".join(http.send(each) or b"" for each in events)
        if not self.may_send():
            raise _WithheldError
        try:
            line.send(asked)
        except TimeoutError:
            raise
        except OSError:
            pass  # who answers before he has read it all, and hangs up, has answered all the same
        response = _response(http, line)
        retry_after = next((value for name, value in response.headers if name == b"retry-after"), None)
        answer = Answer(
            status_code=response.status_code,
            retry_after_seconds=parse_retry_after(retry_after.decode("latin-1") if retry_after else None, now),
        )
        _read_a_little(http, line)
        return answer


@cache
def _well_known_authorities() -> ssl.SSLContext:
    """Return the context for TLS; made once, for loading the authorities takes 50 ms, longer than most tries."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context


def _response(http: h11.Connection, line: Line) -> h11.Response:
    """Return the head of the answer; what only says that one is to come is passed over."""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            received = line.receive()
            if not received:
                raise h11.RemoteProtocolError("the endpoint hung up without an answer")
            http.receive_data(received)
        elif isinstance(event, h11.Response):
            return event


def _read_a_little(http: h11.Connection, line: Line) -> None:
    """Read up to the limit; an answer that breaks off after its status was still an answer."""
    read = 0
    with suppress(OSError, h11.RemoteProtocolError):
        while read < MAX_ANSWER_BYTES:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(line.receive())
            elif isinstance(event, h11.Data):
                read += len(event.data)
            else:
                return

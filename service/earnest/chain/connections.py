"""HTTP/1.1 to one server by way of the standard library: a question is posted, its answer read, the line kept open.

A follower asks some one or two small questions for each block. On a busy machine one takes 0.2 ms of CPU, and 0.5 ms by
way of httpx. Source: docs/decisions/0015-http-of-the-follower.md.
"""

from __future__ import annotations

import select
import socket
import threading
import time
import zlib
from base64 import b64encode
from collections.abc import Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, NamedTuple

import httpx

from earnest.chain.bounded import Answer, Dripping, plain_body, why
from earnest.chain.carriers import Carrier, HttpAnswer, Limits, OverHttpx, did_not_finish, too_large
from earnest.chain.errors import MalformedAnswer, NodeTimeout, NodeUnavailable
from earnest.chain.later import Later
from earnest.chain.proxies import is_loopback, proxy_for

KEPT_SECONDS: Final = 30.0
"""How long a line is kept that nobody uses: two slots of the slowest chain. Most servers keep it for 60 s and more; one
that a server has closed is not used."""
KEPT_AT_MOST: Final = 8
WAITING_AT_MOST: Final = 12
"""On so many lines answers wait for whoever asked ahead; what is asked beyond them is asked when it is wanted. Two
pieces of a backfill have nine; where a node takes few questions at once they would have hundreds."""
FIRST_BYTES: Final = 64 * 1024
"""More than the answer for a block most often is."""
_PORTS: Final = {"http": 80, "https": 443}


class _Line(NamedTuple):
    http: HTTPConnection
    """Opens and closes the line."""
    socket: socket.socket


class _Waiting:
    """An answer for which nobody has come yet, and the line on which it comes."""

    def __init__(self, line: _Line) -> None:
        self.line = line


class Connections:
    """Fills `earnest.chain.carriers.Carrier` with connections of its own; safe to be used by many threads.

    Args:
        url: where to; may hold a secret.
        endpoint: the name under which it is spoken of.
        headers: of every question.
    """

    def __init__(self, url: httpx.URL, endpoint: str, headers: Mapping[str, str], limits: Limits) -> None:
        self._endpoint, self._limits = endpoint, limits
        self._host = url.raw_host.decode("ascii").strip("[]")
        self._port = url.port or _PORTS[url.scheme]
        self._tls = httpx.create_ssl_context(trust_env=not is_loopback(url)) if url.scheme == "https" else None
        told = {"Host": url.netloc.decode("ascii").rpartition("@")[2], **headers}
        lines = [f"POST {url.raw_path.decode('ascii')} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items())]
        self._head = "\r\n".join([*lines, "Content-Length: "]).encode("ascii")
        self._lock = threading.Lock()
        self._idle: list[tuple[_Line, float]] = []
        self._busy: set[_Line] = set()
        self._waiting: set[_Waiting] = set()
        self._closed = False

    def post(self, content: bytes) -> HttpAnswer:
        """Post on a line that is open, or on a new one."""
        return self._answered(self._posted(content))

    def post_later(self, content: bytes) -> Later[HttpAnswer]:
        """Post as `post` does, and return the way to the answer; until then nobody else uses the line.

        Where too many answers wait already it is posted when it is wanted.
        """
        with self._lock:
            is_too_much = len(self._waiting) >= WAITING_AT_MOST
        if is_too_much:
            return Later(lambda: self.post(content))
        waiting = _Waiting(self._posted(content))
        with self._lock:
            closed = self._closed
            if not closed:
                self._busy.discard(waiting.line)
                self._waiting.add(waiting)
        if closed:
            self._give_back(waiting.line, keep=False)
            raise self._is_closed()

        def answer() -> HttpAnswer:
            if not self._comes_for(waiting):
                raise self._is_closed()
            return self._answered(waiting.line)

        def forget() -> None:
            if self._comes_for(waiting):
                self._give_back(waiting.line, keep=False)

        return Later(answer, forget)

    def close(self) -> None:
        """Close the connections, those on which somebody waits for an answer too."""
        with self._lock:
            self._closed = True
            for line in self._busy:
                with suppress(OSError):
                    line.socket.shutdown(socket.SHUT_RDWR)  # so that whoever waits wakes up; he closes it
            for line in (*(line for line, _ in self._idle), *(each.line for each in self._waiting)):
                line.http.close()
            self._idle.clear()
            self._waiting.clear()

    def _posted(self, content: bytes) -> _Line:
        """Return the line on which this was posted."""
        line = self._take()
        try:
            # In one piece, past the connection's own way of asking: each header is checked in there each time.
            line.socket.sendall(b"%b%d\r\n\r\n%b" % (self._head, len(content), content))
        except BaseException as error:
            self._give_back(line, keep=False)
            if isinstance(error, OSError):
                raise self._fault(error) from None
            raise
        return line

    def _answered(self, line: _Line) -> HttpAnswer:
        """Return what is answered on a line, and give the line back."""
        keep, since = False, time.monotonic()
        try:
            came = line.socket.recv(FIRST_BYTES)
            plain = plain_body(came, self._limits.max_answer_bytes)
            if plain is not None:
                keep = True
                return HttpAnswer(200, None, plain)
            with closing(_begun(line, came, since)) as answer:
                body = answer.whole(self._limits.max_answer_bytes)
            if body is None:
                raise too_large(self._endpoint, self._limits)
            keep = answer.may_be_followed
        except (Dripping, OSError, HTTPException, zlib.error) as error:
            raise self._fault(error) from None
        finally:
            self._give_back(line, keep=keep)
        return HttpAnswer(answer.status, answer.head.first("retry-after") or None, body)

    def _comes_for(self, waiting: _Waiting) -> bool:
        """Return whether an answer still waits, and for nobody else."""
        with self._lock:
            if waiting not in self._waiting:
                return False
            self._waiting.discard(waiting)
            self._busy.add(waiting.line)
            return True

    def _fault(self, error: Exception) -> NodeUnavailable:
        match error:
            case Dripping():
                return did_not_finish(self._endpoint, self._limits)
            case TimeoutError():
                return self._no_answer_in_time()
            case zlib.error():
                return MalformedAnswer(self._endpoint, "sent an answer that cannot be decompressed")
            case _:
                return NodeUnavailable(self._endpoint, f"did not answer: {why(error)}")

    def _take(self) -> _Line:
        line = self._kept() or self._connected()
        with self._lock:
            if not self._closed:
                self._busy.add(line)
                return line
        line.http.close()
        raise self._is_closed()

    def _kept(self) -> _Line | None:
        with self._lock:
            if self._closed:
                raise self._is_closed()
            oldest = time.monotonic() - KEPT_SECONDS
            while self._idle:
                line, since = self._idle.pop()
                if since >= oldest and not _has_something_to_say(line.socket):
                    line.socket.settimeout(self._limits.timeout_seconds)
                    return line
                line.http.close()
        return None

    def _connected(self) -> _Line:
        seconds = self._limits.timeout_seconds
        try:
            if self._tls is None:
                http = HTTPConnection(self._host, self._port, timeout=seconds)
            else:
                http = HTTPSConnection(self._host, self._port, timeout=seconds, context=self._tls)
            try:
                http.connect()
            except BaseException:
                http.close()
                raise
        except TimeoutError:
            raise self._no_answer_in_time() from None
        except (OSError, UnicodeError, HTTPException):
            raise NodeUnavailable(self._endpoint, "cannot be reached") from None
        return _Line(http, http.sock)

    def _give_back(self, line: _Line, *, keep: bool) -> None:
        with self._lock:
            self._busy.discard(line)
            if keep and not self._closed and len(self._idle) < KEPT_AT_MOST:
                self._idle.append((line, time.monotonic()))
                return
        line.http.close()

    def _no_answer_in_time(self) -> NodeTimeout:
        return NodeTimeout(self._endpoint, f"did not answer within {self._limits.timeout_seconds:g} s")

    def _is_closed(self) -> NodeUnavailable:
        return NodeUnavailable(self._endpoint, "is not asked any more: the connections were closed")


def carrier_to(url: httpx.URL, endpoint: str, limits: Limits, transport: httpx.BaseTransport | None) -> Carrier:
    """Return what carries questions to a URL: lines of our own, unless a proxy is on the way, or another is wished."""
    proxy = proxy_for(url) if transport is None else None
    if proxy is not None:
        transport = httpx.HTTPTransport(proxy=proxy, trust_env=not is_loopback(url))
    if transport is not None:
        return OverHttpx(url, endpoint, _headers(url), limits, transport)
    return Connections(url, endpoint, _headers(url), limits)


def _headers(url: httpx.URL) -> dict[str, str]:
    """Return the headers of every question; a name and a password in the URL go where HTTP wants them."""
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "Content-Type": "application/json"}
    if url.username or url.password:
        headers["Authorization"] = "Basic " + b64encode(f"{url.username}:{url.password}".encode()).decode()
    return headers


def _begun(line: _Line, came: bytes, since: float) -> Answer:
    """Return the answer that comes on a line, its head read."""
    answer = Answer(line.socket, came, since, method="POST")
    try:
        answer.begin()
    except BaseException:
        answer.close()
        raise
    return answer


def _has_something_to_say(line: socket.socket) -> bool:
    """Return whether a server closed an idle line, or said something that nobody asked for."""
    asking = select.poll()
    asking.register(line, select.POLLIN)
    return bool(asking.poll(0))

"""HTTP/1.1 to one server, as little of it as JSON-RPC needs: a question is posted, its answer read, the line kept open.

A follower asks some two small questions for each block. By way of httpx one takes 0.28 ms of CPU, thrice that where
other work has emptied the caches; here it takes a fifth: one write, one read, and no objects in between. Everything is
bounded: the head of an answer, its body as it comes and decompressed, each silence and the whole. Source: RFC 9112.
"""

from __future__ import annotations

import select
import socket
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final

import httpx

from earnest.chain.carriers import HttpAnswer, Limits, did_not_finish, too_large
from earnest.chain.errors import MalformedAnswer, NodeTimeout, NodeUnavailable
from earnest.chain.proxies import is_loopback

KEPT_SECONDS: Final = 30.0
"""How long a line is kept that nobody uses: two slots of the slowest chain. Most servers keep it for 60 s and more; one
that a server has closed is not used."""
KEPT_AT_MOST: Final = 8
AT_ONCE: Final = 256 * 1024
MAX_HEAD_BYTES: Final = 64 * 1024
_PORTS: Final = {"http": 80, "https": 443}
_NO_BODY: Final = frozenset({204, 304})


class _Broken(Exception):
    """The answer is no HTTP, or it broke off; says what it was."""


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
        named = {"Host": url.netloc.decode("ascii").rpartition("@")[2], **headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in named.items())
        self._head = b"POST " + url.raw_path + b" HTTP/1.1\r\n" + lines.encode("latin-1") + b"Content-Length: "
        self._lock = threading.Lock()
        self._idle: list[tuple[socket.socket, float]] = []
        self._busy: set[socket.socket] = set()
        self._closed = False

    def post(self, content: bytes) -> HttpAnswer:
        """Post on a line that is open, or on a new one."""
        line = self._take()
        keep = False
        try:
            line.sendall(self._head + b"%d\r\n\r\n" % len(content) + content)
            answer, keep = _Reading(line, self._endpoint, self._limits).answer()
        except TimeoutError:
            raise NodeTimeout(self._endpoint, f"did not answer within {self._limits.timeout_seconds:g} s") from None
        except zlib.error:
            raise MalformedAnswer(self._endpoint, "sent an answer that cannot be decompressed") from None
        except (OSError, _Broken) as error:
            why = str(error) if isinstance(error, _Broken) else type(error).__name__
            raise NodeUnavailable(self._endpoint, f"did not answer: {why}") from None
        finally:
            self._give_back(line, keep=keep)
        return answer

    def close(self) -> None:
        """Close the connections, those on which somebody waits for an answer too."""
        with self._lock:
            self._closed = True
            lines = [*self._busy, *(line for line, _ in self._idle)]
            self._idle.clear()
        for line in lines:
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)  # so that whoever waits wakes up; he closes it
        for line in lines:
            if line not in self._busy:
                line.close()

    def _take(self) -> socket.socket:
        with self._lock:
            if self._closed:
                raise NodeUnavailable(self._endpoint, "is not asked any more: the connections were closed")
            oldest = time.monotonic() - KEPT_SECONDS
            line = None
            while self._idle and line is None:
                line, since = self._idle.pop()
                if since < oldest or _has_something_to_say(line):
                    line.close()
                    line = None
            if line is not None:
                self._busy.add(line)
                return line
        line = self._connect()
        with self._lock:
            self._busy.add(line)
        return line

    def _connect(self) -> socket.socket:
        seconds = self._limits.timeout_seconds
        try:
            line = socket.create_connection((self._host, self._port), seconds)
            try:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return self._tls.wrap_socket(line, server_hostname=self._host) if self._tls is not None else line
            except BaseException:
                line.close()
                raise
        except TimeoutError:
            raise NodeTimeout(self._endpoint, f"did not answer within {seconds:g} s") from None
        except (OSError, UnicodeError):
            raise NodeUnavailable(self._endpoint, "cannot be reached") from None

    def _give_back(self, line: socket.socket, *, keep: bool) -> None:
        with self._lock:
            self._busy.discard(line)
            if keep and not self._closed and len(self._idle) < KEPT_AT_MOST:
                self._idle.append((line, time.monotonic()))
                return
        line.close()


def _has_something_to_say(line: socket.socket) -> bool:
    """Return whether a server closed an idle line, or said something that nobody asked for."""
    asking = select.poll()
    asking.register(line, select.POLLIN)
    return bool(asking.poll(0))


class _Reading:
    """One answer being read; nothing of it is believed."""

    def __init__(self, line: socket.socket, endpoint: str, limits: Limits) -> None:
        self._line, self._endpoint, self._limits = line, endpoint, limits
        self._deadline = time.monotonic() + limits.patience_seconds
        self._got = b""
        """What came and was not used yet."""

    def answer(self) -> tuple[HttpAnswer, bool]:
        """Return the answer, and whether another one can follow it on the same line."""
        status, version, headers = self._head()
        while 100 <= status < 200:  # only a word on the way
            status, version, headers = self._head()
        keeps = version == b"HTTP/1.1" and "close" not in headers.get("connection", "").lower()
        chunked = "chunked" in headers.get("transfer-encoding", "").lower()
        length = headers.get("content-length")
        pieces: Iterator[bytes]
        if status in _NO_BODY:
            pieces = iter(())
        elif chunked:
            pieces = self._chunks()
        elif length is not None:
            if not (length.isascii() and length.isdigit() and len(length) < 19):
                raise _Broken("a length that is none")
            pieces = self._exactly(int(length))
        else:
            pieces, keeps = self._to_the_end(), False
        body = self._whole(pieces, headers.get("content-encoding", "").strip().lower())
        keeps = keeps and not self._got and not (chunked and length is not None)
        return HttpAnswer(status, headers.get("retry-after"), body), keeps

    def _head(self) -> tuple[int, bytes, dict[str, str]]:
        while (end := self._got.find(b"\r\n\r\n")) < 0:
            if len(self._got) > MAX_HEAD_BYTES:
                raise _Broken("a head without an end")
            self._got += self._more()
        first, *lines = self._got[:end].split(b"\r\n")
        self._got = self._got[end + 4 :]
        version, _, told = first.partition(b" ")
        status = told[:3]
        if not (version.startswith(b"HTTP/1.") and len(status) == 3 and status.isdigit()):
            raise _Broken("no HTTP")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.decode("latin-1").partition(":")
            name, value = name.strip().lower(), value.strip()
            if headers.setdefault(name, value) != value and name == "content-length":
                raise _Broken("two lengths")
        return int(status), version, headers

    def _more(self) -> bytes:
        if time.monotonic() > self._deadline:
            raise did_not_finish(self._endpoint, self._limits)
        some = self._line.recv(AT_ONCE)
        if not some:
            raise _Broken("it hung up")
        return some

    def _exactly(self, size: int) -> Iterator[bytes]:
        while size > 0:
            some = self._got or self._more()
            self._got = some[size:]
            yield some[:size] if self._got else some
            size -= len(some)

    def _chunks(self) -> Iterator[bytes]:
        while True:
            text = self._text_line().partition(b";")[0].strip()
            if not text or len(text) > 15 or text.strip(b"0123456789abcdefABCDEF"):
                raise _Broken("a chunk without a size")
            size = int(text, 16)
            if size == 0:
                break
            yield from self._exactly(size)
            if self._text_line():
                raise _Broken("a chunk of another size")
        read = 0
        while line := self._text_line():  # what comes behind the last chunk is passed over
            read += len(line)
            if read > MAX_HEAD_BYTES:
                raise _Broken("an end without an end")

    def _text_line(self) -> bytes:
        while (end := self._got.find(b"\r\n")) < 0:
            if len(self._got) > MAX_HEAD_BYTES:
                raise _Broken("a line without an end")
            self._got += self._more()
        line, self._got = self._got[:end], self._got[end + 2 :]
        return line

    def _to_the_end(self) -> Iterator[bytes]:
        if self._got:
            some, self._got = self._got, b""
            yield some
        while True:
            if time.monotonic() > self._deadline:
                raise did_not_finish(self._endpoint, self._limits)
            some = self._line.recv(AT_ONCE)
            if not some:
                return
            yield some

    def _whole(self, pieces: Iterator[bytes], coding: str) -> bytes:
        """Return the body decompressed; what is compressed is never larger in memory than an answer may be."""
        unpack = _Unpacking() if coding in ("gzip", "x-gzip", "deflate") else None
        parts: list[bytes] = []
        size = came = 0
        for piece in pieces:
            came += len(piece)
            part = piece if unpack is None else unpack.some(piece, self._limits.max_answer_bytes + 1 - size)
            size += len(part)
            if max(size, came) > self._limits.max_answer_bytes:
                raise too_large(self._endpoint, self._limits)
            parts.append(part)
        if unpack is not None:
            unpack.end()
        return parts[0] if len(parts) == 1 else b"".join(parts)


class _Unpacking:
    """Decompresses what comes as gzip, or as "deflate", which some servers send with zlib's frame and some without."""

    def __init__(self) -> None:
        self._with = zlib.decompressobj(zlib.MAX_WBITS | 32)
        self._begun = False

    def some(self, piece: bytes, room: int) -> bytes:
        """Return what a piece holds, at most so many bytes (at least one); raises `zlib.error`."""
        try:
            part = self._with.decompress(piece, room)
        except zlib.error:
            if self._begun:
                raise
            self._with = zlib.decompressobj(-zlib.MAX_WBITS)
            part = self._with.decompress(piece, room)
        self._begun = True
        return part

    def end(self) -> None:
        """Make sure that nothing is missing; raises `zlib.error`."""
        if self._begun and not self._with.eof:
            raise zlib.error("it breaks off")

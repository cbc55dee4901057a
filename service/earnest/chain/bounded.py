"""The standard library's HTTP answer, bounded: its head, its body as it comes and decompressed, and its time.

`http.client` bounds a header line and their number, and each silence; not how long a head may drip, nor how long its
parser of e-mail takes with a head that was made for that. The head is read here: that parser takes as long with an
honest one as all else that is done with a small answer.
"""

from __future__ import annotations

import io
import re
import socket
import time
import zlib
from http.client import HTTPException, HTTPResponse, IncompleteRead, LineTooLong
from typing import Any, Final

from earnest.chain.carriers import MAX_TIMEOUTS_AN_ANSWER

MAX_HEAD_BYTES: Final = 16 * 1024
"""As much as Node.js takes; the library would take 6 MB."""
AT_ONCE: Final = 256 * 1024
_WITHOUT_BODY: Final = (204, 304)
_NAME: Final = re.compile(rb"[!-9;-~]+").fullmatch
_LENGTH: Final = re.compile(rb"[0-9]{1,18}").fullmatch
_SPECIAL: Final = (b"content-length", b"content-encoding", b"transfer-encoding", b"connection")
"""Headers that say how a body comes, and whether the line stays."""
_WHY: Final[dict[type[Exception], str]] = {
    HTTPException: "a head without an end",
    LineTooLong: "a line without an end",
    IncompleteRead: "chunks that are none",
}


class Dripping(Exception):
    """The whole answer takes too long."""


class _Broken(HTTPException):
    """The answer is no HTTP, or it broke off; says what it was."""


def why(error: Exception) -> str:
    """Return what was wrong with an answer, without a word of what the server said."""
    return str(error) if isinstance(error, _Broken) else _WHY.get(type(error), type(error).__name__)


def plain_body(came: bytes, most: int) -> bytes | None:
    """Return the body of an answer that came whole and has nothing special about it, None where it has to be read.

    Most are so: of one length, in one piece, not compressed, and the line stays open. Reading one step by step takes as
    long as all else that is done with it.
    """
    head, end, body = came.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    if not end or len(head) > MAX_HEAD_BYTES or len(body) > most or not status.startswith(b"HTTP/1.1 200 "):
        return None
    if not head.count(b"\r") == head.count(b"\n") == len(lines):  # some servers end lines by one of them alone
        return None
    told: dict[bytes, bytes] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        special = name.lower() if name.lower() in _SPECIAL else b""
        if not colon or not _NAME(name) or special in told:
            return None
        if special:
            told[special] = value.strip(b" \t")
    length = _LENGTH(told.pop(_SPECIAL[0], b""))
    stays = told.pop(_SPECIAL[-1], b"keep-alive").lower() == b"keep-alive"
    return body if stays and not told and length is not None and int(length[0]) == len(body) else None


class Head:
    """The headers of an answer, by their names in small letters."""

    def __init__(self) -> None:
        self._values: dict[str, list[str]] = {}
        self._last: list[str] = []

    def add(self, line: str) -> None:
        """Take a line; one that begins with a space goes on with the last, and one that names nothing is left out."""
        if line[0] in " \t":
            if self._last:
                self._last[-1] = f"{self._last[-1]} {line.strip()}".lstrip()
            return
        name, colon, value = line.partition(":")
        if colon:
            self._last = self._values.setdefault(name.rstrip().lower(), [])
            self._last.append(value.strip())

    def first(self, name: str) -> str:
        """Return the first value of a header, an empty text where there is none."""
        return self._values[name][0] if name in self._values else ""

    def every(self, name: str) -> set[str]:
        """Return all that is said under a name."""
        return set(self._values.get(name, ()))


class Answer(HTTPResponse):
    """An answer being read, nothing of which is believed; the socket's timeout is a silence's.

    Args:
        came: what was read of it already.
        since: when its time began, by the clock that only goes forward.

    Raises `Dripping`, `HTTPException`, and of the socket `OSError`.
    """

    def __init__(self, sock: socket.socket, came: bytes, since: float, *args: Any, **named: Any) -> None:
        super().__init__(sock, *args, **named)
        self._wire = _Wire(self.fp.detach(), sock, came, since)
        self._lines = self.fp = _Lines(self._wire)

    def begin(self) -> None:
        """Read the head; that of an answer in between, such as 103, is passed over."""
        is_newer, self.status = self._first_line()
        self.head = self._head()
        while 100 <= self.status < 200:
            is_newer, self.status = self._first_line()
            self.head = self._head()
        self._lines.room = None
        self.chunked = self.head.first("transfer-encoding").lower() == "chunked"
        self.chunk_left = None
        lengths = self.head.every("content-length")
        if len(lengths) > 1:
            raise _Broken("two lengths")
        if any(not (each.isascii() and each.isdigit() and len(each) < 19) for each in lengths):
            raise _Broken("a length that is none")
        self.length = int(lengths.pop()) if lengths and not self.chunked else None
        if self.status in _WITHOUT_BODY:
            self.length = 0
        self._wire.ends_it = self.length is None and not self.chunked
        self._is_plain = not (self.chunked and self.head.every("content-length"))
        wish = self.head.first("connection").lower()
        stays = "close" not in wish if is_newer else "keep-alive" in wish
        self.will_close = self._wire.ends_it or not stays

    def _first_line(self) -> tuple[bool, int]:
        """Return whether it is HTTP/1.1, where a line stays open unless that is denied, and the status."""
        version, status, *_ = [*self._lines.readline().split(None, 2), b"", b""]
        if not version.startswith((b"HTTP/1.", b"HTTP/0.9")):
            raise _Broken("no HTTP")
        if not (status.isdigit() and len(status) == 3 and status >= b"100"):
            raise _Broken("no HTTP")
        return version not in (b"HTTP/1.0", b"HTTP/0.9"), int(status)

    def _head(self) -> Head:
        head = Head()
        while line := self._lines.readline().decode("iso-8859-1").rstrip("\r\n"):
            head.add(line)
        return head

    def whole(self, most: int) -> bytes | None:
        """Return the body decompressed, None if it, or what came, is of more bytes; raises `zlib.error` too."""
        coding = self.head.first("content-encoding").lower()
        unpack = _Unpacking() if coding in ("gzip", "x-gzip", "deflate") else None
        if unpack is None and self.length is not None:  # into one place: in pieces it took 2 us more for each event
            whole = self.read() if self.length <= most else None
            self.close()
            return whole
        body, size, came = io.BytesIO(), 0, 0  # a list of the pieces took 60 times what came in chunks of two bytes
        while piece := self.read1(AT_ONCE):
            came += len(piece)
            part = piece if unpack is None else unpack.some(piece, most + 1 - size)
            size += len(part)
            if max(size, came) > most:
                self.close()
                return None
            body.write(part)
        self.close()
        if unpack is not None:
            unpack.end()
        return body.getvalue()

    @property
    def may_be_followed(self) -> bool:
        """Whether another answer can follow on the same line, once this one was read."""
        return self._is_plain and not self.will_close and not self._lines.left_over


class _Lines(io.BufferedReader):
    """What `http.client` reads from: of a head only so much, and, once it is closed, whether something was left."""

    def __init__(self, wire: _Wire) -> None:
        super().__init__(wire)
        self._wire = wire
        self.room: int | None = MAX_HEAD_BYTES
        self.left_over = False

    def readline(self, size: int | None = -1, /) -> bytes:
        if self.room is None:
            return super().readline(size)
        line = super().readline(self.room + 1)
        self.room -= len(line)
        if self.room < 0:
            raise _Broken("a head without an end")
        if b"\r" in line[:-2]:  # to others it is the end of a line, and they would read another head than we do
            raise _Broken("no HTTP")
        return line

    def close(self) -> None:
        if not self.closed:
            self._wire.is_silent = True
            self.left_over = bool(self.peek(1))
        super().close()


class _Wire(io.RawIOBase):
    """A socket of which no read outlasts the answer's time."""

    def __init__(self, source: Any, line: socket.socket, came: bytes, since: float) -> None:
        self._source, self._line, self._came = source, line, came
        self._silence = line.gettimeout() or 0.0
        self._deadline = since + self._silence * MAX_TIMEOUTS_AN_ANSWER
        self.ends_it = False
        """Whether the line's end is the answer's; else it is an accident."""
        self.is_silent = False
        """Whether nothing more is read, and only what already came is to be had."""

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any, /) -> int | None:
        size: int | None
        if self._came:
            size = min(len(into), len(self._came))
            into[:size], self._came = self._came[:size], self._came[size:]
            return size
        if self.is_silent:
            return None
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise Dripping
        if left < self._silence:
            self._line.settimeout(left)
        try:
            size = self._source.readinto(into)
        except TimeoutError:
            raise Dripping if left < self._silence else TimeoutError from None
        if not size and not self.ends_it:
            raise _Broken("it hung up")
        return size

    def close(self) -> None:
        self._source.close()
        super().close()


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

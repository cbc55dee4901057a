"""A WebSocket that is read by whoever waits for a message, with the library's protocol and without its threads.

The library's own connection has one thread that reads and one that pings: each head goes from thread to thread twice
until somebody is told of it, which takes as much CPU as all that is done with it, and a tenth of a millisecond.
"""

from __future__ import annotations

import secrets
import socket
import time
from collections import deque
from types import TracebackType
from typing import Any, Final

from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import CONNECTING, OPEN

AT_ONCE: Final = 64 * 1024
SEND_SECONDS: Final = 10.0
"""How long a server may not take what little we send."""


class LineLost(OSError):
    """The connection is of no more use; `told` is the code with which the server closed it, if it did."""

    def __init__(self, told: int | None = None) -> None:
        super().__init__("the connection is lost")
        self.told = told


class Line:
    """What `websockets.sync.client.connect` makes by way of `create_connection`, for one thread.

    Args:
        sock: connected, with TLS where it has to be.
        protocol: the library's; it bounds what a message may hold.
        ping_interval: how often the server has to show that it is there, in seconds.
        ping_timeout: how long it may take.
    """

    def __init__(
        self, sock: socket.socket, protocol: ClientProtocol, *, ping_interval: float, ping_timeout: float, **_: object
    ) -> None:
        self._socket, self._protocol = sock, protocol
        self._interval, self._patience = ping_interval, ping_timeout
        self._messages: deque[bytes] = deque()
        self._parts: list[bytes] = []
        self._pinged_at = time.monotonic()
        self._ping: bytes | None = None
        """What the server has to send back, until it does."""
        self.recv_events_thread = self  # the library waits for its end where the handshake fails

    def handshake(
        self, additional_headers: Any = None, user_agent_header: str | None = None, timeout: float | None = None
    ) -> None:
        """Open the connection; raises what the library's own raises."""
        request = self._protocol.connect()
        request.headers.update(additional_headers or {})
        if user_agent_header is not None:
            request.headers.setdefault("User-Agent", user_agent_header)
        self._protocol.send_request(request)
        self._send()
        deadline = time.monotonic() + (timeout or SEND_SECONDS)
        while self._protocol.state is CONNECTING and self._protocol.handshake_exc is None:
            if not self._read(deadline - time.monotonic()):
                raise TimeoutError("timed out while waiting for handshake response")
        if self._protocol.handshake_exc is not None:
            raise self._protocol.handshake_exc

    def send(self, message: str) -> None:
        """Send a text; raises `LineLost`, `OSError`."""
        self._check_open()
        self._protocol.send_text(message.encode())
        self._send()

    def recv(self, seconds: float) -> bytes | None:
        """Return the next message, None if none came in time; raises `LineLost`, `OSError`."""
        deadline = time.monotonic() + seconds
        while not self._messages:
            self._check_open()
            self._keep_alive()
            if not self._read(deadline - time.monotonic()):
                return None
        return self._messages.popleft()

    def close_socket(self) -> None:
        """Close without a word."""
        self._socket.close()

    def start_keepalive(self) -> None:
        """Do nothing: who waits for a message pings as well."""

    def join(self) -> None:
        """Return at once: there is no thread to wait for."""

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._protocol.state is OPEN:
                self._protocol.send_close(1000)
                self._send()
        except OSError:
            pass
        finally:
            self._socket.close()

    def _check_open(self) -> None:
        if self._protocol.state is not OPEN:
            closed = self._protocol.close_rcvd
            raise LineLost(None if closed is None else closed.code)

    def _keep_alive(self) -> None:
        now = time.monotonic()
        if self._ping is not None:
            if now - self._pinged_at > self._patience:
                raise LineLost
        elif now - self._pinged_at > self._interval:
            self._pinged_at, self._ping = now, secrets.token_bytes(4)
            self._protocol.send_ping(self._ping)
            self._send()

    def _read(self, seconds: float) -> bool:
        """Read what is there, and wait for it so long; return whether anything came."""
        if seconds <= 0:
            return False
        self._socket.settimeout(seconds)
        try:
            data = self._socket.recv(AT_ONCE)
        except TimeoutError:
            return False
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._send()
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        return True

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.data:  # or else pieces without anything in them could be as many as a server likes
                self._parts.append(bytes(frame.data))
            if frame.fin:
                self._messages.append(b"".join(self._parts))
                self._parts.clear()
        elif frame.opcode is Opcode.PONG and frame.data == self._ping:
            self._ping = None

    def _send(self) -> None:
        """Send what the protocol has to say: what was asked for, and its answers to pings."""
        for data in self._protocol.data_to_send():
            if not data:
                continue  # the end of what we say: the socket is closed soon after
            self._socket.settimeout(SEND_SECONDS)
            try:
                self._socket.sendall(data)
            except TimeoutError:
                raise LineLost from None

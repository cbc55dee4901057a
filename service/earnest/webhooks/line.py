"""A connection for one try: to an address that was checked, and with no step longer than what is left of a deadline."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Final

AT_ONCE_BYTES: Final = 65_536


class Line:
    """A connection whose every step has only what is left of one deadline: who drips cannot hold a worker.

    Args:
        connected: a socket that is connected; it is closed with the line.
        seconds_left: how long is left of the deadline; raises `TimeoutError` when it is over.
    """

    def __init__(self, connected: socket.socket, seconds_left: Callable[[], float]) -> None:
        self._socket, self._seconds_left = connected, seconds_left

    def begin_tls(self, context: ssl.SSLContext, name: str) -> None:
        """Go on by TLS with whoever proves to be `name`."""
        self._socket.settimeout(self._seconds_left())
        self._socket = context.wrap_socket(self._socket, server_hostname=name)

    def send(self, what: bytes) -> None:
        """Send all of it."""
        self._socket.settimeout(self._seconds_left())
        self._socket.sendall(what)

    def receive(self) -> bytes:
        """Return what is there as soon as anything is; nothing once the other side has closed."""
        self._socket.settimeout(self._seconds_left())
        return self._socket.recv(AT_ONCE_BYTES)

    def close(self) -> None:
        """Close it, with or without good manners."""
        self._socket.close()


def connect(addresses: Sequence[str], port: int, seconds_left: Callable[[], float]) -> Line:
    """Connect to the first of these addresses that answers; raises the `OSError` of the last one."""
    failed: OSError | None = None
    for address in addresses:
        try:
            connected = socket.create_connection((address, port), seconds_left())
        except OSError as error:
            failed = error
            continue
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return Line(connected, seconds_left)
    raise failed or ConnectionError("no address to connect to")

"""The API's house behind a real server on loopback, and a reader of server-sent events."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import uvicorn

from earnest.api import create_app
from tests.unit.api.house import House


@dataclass
class Served:
    """A house that answers at `url`."""

    house: House
    url: str
    app: Any
    stop: Event

    def headers(self, key: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {key or self.house.key}"}


@contextmanager
def served(house: House) -> Iterator[Served]:
    """Serve a house's API, with its streams, as `earnest serve` does."""
    stop, app = Event(), create_app(house.services)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=5, lifespan="off")
    server = uvicorn.Server(config)
    web = Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    hub = Thread(target=app.state.hub.run, args=(stop,), daemon=True)
    hub.start()
    web.start()
    try:
        yield Served(house, f"http://127.0.0.1:{listener.getsockname()[1]}", app, stop)
    finally:
        stop.set()
        server.should_exit = True
        hub.join(10)
        web.join(10)
        listener.close()
    assert not hub.is_alive() and not web.is_alive()


@dataclass(frozen=True)
class Told:
    """One event of a stream."""

    id: str
    event: str
    data: str


@dataclass
class Reader:
    """Reads a stream in a thread, as a browser's EventSource does."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    events: list[Told] = field(default_factory=list)
    comments: int = 0
    last_id: str | None = None
    status: int | None = None
    answer: Any = None
    ended: bool = False
    _news: Event = field(default_factory=Event)
    _leave: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._thread = Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Break the connection off."""
        self._leave.set()
        self._thread.join(10)

    def wait(self, until: Callable[[Reader], bool], seconds: float = 20.0) -> None:
        """Wait until something is so."""
        for _ in range(int(seconds / 0.02)):
            if until(self):
                return
            self._news.wait(0.02)
            self._news.clear()
        raise AssertionError(f"waited in vain; status {self.status}, {len(self.events)} events, ended: {self.ended}")

    def _read(self) -> None:
        try:
            self._connected()
        except OSError:
            pass
        finally:
            self.ended = True
            self._news.set()

    def _connected(self) -> None:
        # A raw socket, so that leaving does not wait for the next byte.
        parts = urlsplit(self.url)
        host, path = parts.netloc, parts.path
        with socket.create_connection((parts.hostname, parts.port), 10) as connection:
            told = (f"{name}: {value}" for name, value in self.headers.items())
            lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *told]
            connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            connection.settimeout(0.05)
            held, parsed = b"", False
            while not self._leave.is_set():
                try:
                    piece = connection.recv(65_536)
                except TimeoutError:
                    continue
                if not piece:
                    return
                held += piece
                if not parsed and b"\r\n\r\n" in held:
                    head, held = held.split(b"\r\n\r\n", 1)
                    self.status, parsed = int(head.split(b" ")[1]), True
                    self.answer = head.decode()
                held = self._take(held) if parsed and self.status == 200 else held

    def _take(self, held: bytes) -> bytes:
        """Read whole chunks of the transfer coding; each holds whole events, as the server sends them."""
        while b"\r\n" in held:
            size_text, rest = held.split(b"\r\n", 1)
            size = int(size_text, 16)
            if len(rest) < size + 2:
                return held
            if size == 0:
                self._leave.set()
                return b""
            self._event(rest[:size].decode())
            held = rest[size + 2 :]
        return held

    def _event(self, text: str) -> None:
        fields = dict(line.split(": ", 1) for line in text.split("\n") if line and not line.startswith(":"))
        if text.startswith(":"):
            self.comments += 1
        if "id" in fields:
            self.last_id = fields["id"]
        if "data" in fields:
            self.events.append(Told(fields["id"], fields["event"], fields["data"]))
        self._news.set()

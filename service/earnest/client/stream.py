"""The merchant's stream of notifications, followed for as long as one likes: it breaks off, and goes on where it was.

Source: the HTML standard, "Server-sent events".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import httpx
import msgspec

from earnest.client.errors import Problem, Unreachable
from earnest.client.http import Http, check
from earnest.client.models import Event

SILENCE_SECONDS: Final = 45.0
"""The service says every 15 s that it is still there; after three of them without a word it is not."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a stream; `data` is exactly what a webhook's body would be."""

    id: str
    type: str
    data: bytes

    @property
    def event(self) -> Event:
        """The data as a value."""
        return msgspec.json.decode(self.data, type=Event)


@dataclass
class Stream:
    """A merchant's stream. `position` is the id to go on from; None: begin with what comes from now on."""

    http: Http
    position: str | None = None
    retry_seconds: float = 2.0

    def messages(
        self, on_break: Callable[[Exception], None] = lambda _error: None, on_open: Callable[[], None] = lambda: None
    ) -> Iterator[Message]:
        """Yield each notification once and in order; when the connection breaks, come back after a while.

        Args:
            on_break: told each time, before the wait.
            on_open: told each time that a connection is made.

        Raises:
            Problem: the service refuses the stream, and asking again would not help.
        """
        while True:
            try:
                yield from self.connection(on_open)
                error: Exception = Unreachable("the service ended the stream")
            except Problem as problem:
                if not problem.may_retry:
                    raise
                error = problem
            except Unreachable as broken:
                error = broken
            on_break(error)
            time.sleep(self.retry_seconds)

    def connection(self, on_open: Callable[[], None] = lambda: None) -> Iterator[Message]:
        """Yield notifications until the connection ends; `position` moves with them.

        Raises:
            Problem, Unreachable: as named.
        """
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self.position} if self.position else {})
        timeout = httpx.Timeout(30.0, read=SILENCE_SECONDS)
        try:
            with self.http.client.stream("GET", "/v1/stream", headers=headers, timeout=timeout) as answer:
                if not answer.is_success:
                    answer.read()
                check(answer)
                on_open()
                yield from self._read(answer.iter_lines())
        except httpx.TransportError as error:
            raise self.http.unreachable(error) from error

    def _read(self, lines: Iterator[str]) -> Iterator[Message]:
        fields: dict[str, str] = {}
        for line in lines:
            if line:
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
                continue
            if "retry" in fields:
                self.retry_seconds = int(fields["retry"]) / 1_000
            if "id" in fields:
                self.position = fields["id"]
            if "data" in fields:
                yield Message(fields.get("id", ""), fields.get("event", ""), fields["data"].encode())
            fields = {}

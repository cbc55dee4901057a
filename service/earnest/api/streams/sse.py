"""Server-sent events as bytes, and the response that stays open for them.

Source: the HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Final

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

MEDIA_TYPE: Final = "text/event-stream"
KEEP_ALIVE: Final = b": still here\n\n"
"""A comment: readers pass over it, and proxies see that the connection lives."""
RETRY_MS: Final = 2_000
"""How long a reader that lost its connection waits before it asks again."""
HEADERS: Final = {
    "Cache-Control": "no-store",
    # For nginx, which otherwise collects small pieces until there is a large one.
    "X-Accel-Buffering": "no",
}


def begin(position: str | None = None) -> bytes:
    """Return how a stream begins: how fast to come back, and from where, even if nothing happens before that."""
    retry = f"retry: {RETRY_MS}\n".encode()
    return retry + (b"" if position is None else f"id: {position}\n".encode()) + b"\n"


def frame(id_: str, event: str, data: Mapping[str, Any] | bytes) -> bytes:
    """Return one event. JSON escapes line ends, so the data is always one line."""
    body = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":"), ensure_ascii=False).encode()
    return f"id: {id_}\nevent: {event}\ndata: ".encode() + body + b"\n\n"


class EventStream(StreamingResponse):
    """A response that stays open until what feeds it ends or the reader leaves.

    Args:
        frames: what is sent.
        leave: called, perhaps more than once, when the reader has left or nothing more comes; must end `frames`.
    """

    def __init__(self, frames: AsyncGenerator[bytes, None], leave: Callable[[], None]) -> None:
        super().__init__(frames, headers=dict(HEADERS), media_type=MEDIA_TYPE)
        self._frames, self._leave = frames, leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Serve the response; the reader's going away is noticed at once and not with the next event."""
        watching = asyncio.ensure_future(self._until_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for each in self._frames:
                await send({"type": "http.response.body", "body": each, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except OSError:
            return
        finally:
            watching.cancel()
            self._leave()
            await self._frames.aclose()

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._leave()

"""What a thread rings and a connection waits for: the seam between our threads and the server's event loop."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Lock


class Bell:
    """Rung by any thread, waited for by one coroutine; a ring that comes before the wait is not lost."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._rung = False
        self._waiting: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    def ring(self) -> None:
        """End the wait, or the next one."""
        with self._lock:
            self._rung = True
            waiting = self._waiting
        if waiting is not None:
            loop, event = waiting
            with suppress(RuntimeError):  # the server has closed its loop: nobody waits any more
                loop.call_soon_threadsafe(event.set)

    async def wait(self, seconds: float) -> bool:
        """Wait for a ring, at the longest for so many seconds; returns whether there was one."""
        event = asyncio.Event()
        with self._lock:
            if not self._rung:
                self._waiting = (asyncio.get_running_loop(), event)
        try:
            if self._waiting is not None:
                await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            with self._lock:
                self._waiting = None
                rung, self._rung = self._rung, False
        return rung

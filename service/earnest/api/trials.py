"""How many tests of webhook endpoints run at once: each holds a thread while a stranger's server takes its time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from earnest.api.errors import TooManyRequests

AT_ONCE: Final = 4
"""A tenth of the threads that answer requests."""
BACK_IN_SECONDS: Final = 5


class Trials:
    """Gives turns to tests of endpoints."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._turns = BoundedSemaphore(at_once)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Let one test run; raises `TooManyRequests` while as many run as may."""
        if not self._turns.acquire(blocking=False):
            raise TooManyRequests(BACK_IN_SECONDS)
        try:
            yield
        finally:
            self._turns.release()

"""The tries that are under way: whoever waits for them is woken seldom, and finds several that have ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock
from typing import Any, Generic, TypeVar

from earnest.store.records import Endpoint

T = TypeVar("T")


class UnderWay(Generic[T]):
    """What workers do, each for an endpoint; used by one thread.

    Args:
        pool: the workers.
        wake: set when the first try ends since `take_ended`, and when none is under way any more.
    """

    def __init__(self, pool: ThreadPoolExecutor, wake: Event) -> None:
        self._pool, self._wake = pool, wake
        self._lock = Lock()
        self._begun: dict[Future[T | None], Endpoint] = {}
        self._ended: set[Future[T | None]] = set()
        """Of those begun: a worker may note its end after that was taken."""

    def __len__(self) -> int:
        """Return how many tries were begun whose end was not taken yet."""
        return len(self._begun)

    @property
    def endpoints(self) -> list[Endpoint]:
        """The endpoint of each of them."""
        return list(self._begun.values())

    @property
    def ended(self) -> int:
        """How many of them have ended."""
        with self._lock:
            return len(self._ended)

    @property
    def is_ending(self) -> bool:
        """Whether some of them have ended and others have not."""
        return 0 < self.ended < len(self)

    def begin(self, work: Callable[[Any], T | None], on: Any, endpoint: Endpoint) -> None:
        """Let a worker do something for an endpoint."""
        with self._lock:
            begun = self._pool.submit(work, on)
            self._begun[begun] = endpoint
        begun.add_done_callback(self._note_end)

    def take_ended(self) -> Sequence[T]:
        """Take out what workers are done with, and return the tries among it that are to be recorded."""
        with self._lock:
            done = [each for each in self._begun if each.done()]
            for each in done:
                del self._begun[each]
            self._ended.clear()
        return [ended for each in done if not each.exception() and (ended := each.result())]

    def _note_end(self, of: Future[T | None]) -> None:
        with self._lock:
            if of not in self._begun:
                return
            self._ended.add(of)
            wakes = len(self._ended) in (1, len(self._begun))
        if wakes:
            self._wake.set()

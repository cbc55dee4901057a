"""Fetches the next page while the mirror takes the present one; never more than one page waits."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

from earnest.chain.background import Background

T = TypeVar("T")


class Ahead(Generic[T]):
    """One piece of work that will most likely be wanted next, under a key that says what it is.

    Args:
        background: where it is done; None: nothing is done ahead.
    """

    def __init__(self, background: Background | None) -> None:
        self._background = background
        self._key: Hashable = None
        self._future: Future[T] | None = None

    def start(self, key: Hashable, work: Callable[[], T]) -> None:
        """Begin with what will be wanted next."""
        if self._background is None:
            return
        future: Future[T] = Future()

        def do() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._key, self._future = key, future
        self._background(do)

    def take(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what was begun with under this key, waiting for it; where that is something else, do the work now.

        What failed ahead is done again: the trouble may be over.
        """
        future, wanted = self._future, self._key
        self._key, self._future = None, None
        if future is None or wanted != key or future.exception() is not None:
            return work()
        return future.result()

"""Fetches the next page while the mirror takes the present one; never more than one page waits."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from typing import Generic, TypeVar

from earnest.chain.background import Background, begin
from earnest.chain.later import Later

T = TypeVar("T")


class Ahead(Generic[T]):
    """One piece of work that will most likely be wanted next, under a key that says what it is.

    Args:
        background: where it is done; None: nothing is done ahead.
    """

    def __init__(self, background: Background | None) -> None:
        self._background = background
        self._begun: tuple[Hashable, Later[T]] | None = None

    def start(self, key: Hashable, work: Callable[[], T]) -> None:
        """Begin with what will be wanted next."""
        if self._background is not None:
            self._begun = key, begin(self._background, work)

    def take(self, key: Hashable, work: Callable[[], T]) -> T:
        """Return what was begun with under this key, waiting for it; where that is something else, do the work now.

        What failed ahead is done again: the trouble may be over.
        """
        begun, self._begun = self._begun, None
        if begun is not None and begun[0] == key:
            with suppress(Exception):
                return begun[1]()
        return work()

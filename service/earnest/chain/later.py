"""What was asked for and is on its way: whoever asked goes on, and comes for the answer when it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Later(Generic[T]):
    """The way to an answer: call it once, or `forget` it.

    Args:
        answer: waits for the answer and returns it; raises as if it had been asked for only now.
        forget: gives back what is held for an answer that nobody wants any more.
    """

    answer: Callable[[], T]
    forget: Callable[[], object] = _nothing

    def __call__(self) -> T:
        """Return the answer."""
        return self.answer()

    def then(self, read: Callable[[T], R]) -> Later[R]:
        """Return the way to what is read from the answer."""
        return Later(lambda: read(self.answer()), self.forget)

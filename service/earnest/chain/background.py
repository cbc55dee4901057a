"""Where work is done that nobody waits for: in a thread of its own, or at once where a test wants one order."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

from earnest.chain.later import Later

Background = Callable[[Callable[[], None]], object]
"""Takes work that never raises, and sees to it that it is done, sooner or later."""
T = TypeVar("T")


def at_once(work: Callable[[], None]) -> None:
    """Do the work here and now: the same order of questions each time."""
    work()


def in_a_thread(work: Callable[[], None]) -> None:
    """Do the work beside us. The thread is a daemon: a node that hangs must not hold up the end of the process."""
    Thread(target=work, name="chain-background", daemon=True).start()


def begin(background: Background, work: Callable[[], T]) -> Later[T]:
    """Have work done in the background, and return the way to what comes of it, which waits for it or raises."""
    future: Future[T] = Future()

    def do() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    background(do)
    return Later(future.result)

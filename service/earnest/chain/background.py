"""Where work is done that nobody waits for: in a thread of its own, or at once where a test wants one order."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread

Background = Callable[[Callable[[], None]], object]
"""Takes work that never raises, and sees to it that it is done, sooner or later."""


def at_once(work: Callable[[], None]) -> None:
    """Do the work here and now: the same order of questions each time."""
    work()


def in_a_thread(work: Callable[[], None]) -> None:
    """Do the work beside us. The thread is a daemon: a node that hangs must not hold up the end of the process."""
    Thread(target=work, name="chain-background", daemon=True).start()

"""How a long-running command is told to end: Ctrl-C, SIGTERM, or the death of the parent that started it."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType

from earnest.testing.processes import STOP_WITH_PARENT


def stop_event() -> threading.Event:
    """Return an event that is set when this process should end; a second Ctrl-C ends it at once."""
    stop = threading.Event()

    def handle(signum: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + signum)
        stop.set()

    signal.signal(signal.SIGINT, handle)
    signal.signal(signal.SIGTERM, handle)
    if os.environ.get(STOP_WITH_PARENT):
        threading.Thread(target=_watch_parent, args=(stop,), daemon=True, name="watch-parent").start()
    return stop


def _watch_parent(stop: threading.Event) -> None:
    # The parent holds the other end of the pipe; however it ends, the read returns.
    # Not by sys.stdin: at its end Python waits for the lock of a reader that still waits, and says so at length.
    while os.read(0, 4096):
        pass
    stop.set()

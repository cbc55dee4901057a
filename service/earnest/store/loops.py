"""Loops that run for as long as their process does, whatever ends them in between."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from earnest.payment.errors import EarnestError, Misconfigured

log = logging.getLogger(__name__)

MEND_SECONDS: Final = 15.0
"""How long a loop rests that something stopped which only the host can mend (a node on another chain, say)."""
RESTART_SECONDS: Final = 2.0
"""How long a loop that fell over by a fault of ours rests before it is started again."""


@dataclass(frozen=True)
class Loop:
    """One of the service's jobs that run for as long as it does."""

    name: str
    run: Callable[[threading.Event], None]


def keep_running(loop: Loop, stop: threading.Event) -> None:
    """Run a loop until told to stop, and start it anew whatever ends it before: none is ever left dead."""
    while not stop.is_set():
        try:
            loop.run(stop)
        except EarnestError as error:
            log.error("the loop %s stopped (%s), and is tried again: %s", loop.name, error.code, error)
            stop.wait(MEND_SECONDS if isinstance(error, Misconfigured) else 0)
        except Exception:
            log.exception("the loop %s fell over and is started again", loop.name)
        else:
            if not stop.is_set():
                log.warning("the loop %s ended by itself and is started again", loop.name)
        stop.wait(RESTART_SECONDS)

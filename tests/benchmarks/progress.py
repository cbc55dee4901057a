"""How far a long command is: on a terminal one line that changes, elsewhere a line for each tenth at most."""

from __future__ import annotations

import sys
import time
from typing import TextIO

WIDTH = 70
LEAST_SECONDS = 0.1
"""How often the line on a terminal changes at most."""


class Progress:
    """Tells of one thing that is counted up; call it with how much is done and how much there is."""

    def __init__(self, what: str, into: TextIO = sys.stderr) -> None:
        self._what, self._into = what, into
        self._tenth, self._at = 0, 0.0

    def __call__(self, done: int, of: int) -> None:
        tenth = 10 * done // of
        if self._into.isatty():
            now = time.monotonic()
            if now - self._at >= LEAST_SECONDS:
                self._at = now
                print(f"\r{f'{self._what}: {done:,} of {of:,}':{WIDTH}}", end="", flush=True, file=self._into)
        elif tenth > self._tenth:
            print(f"{self._what}: {done:,} of {of:,}", flush=True, file=self._into)
        self._tenth = tenth

    def end(self) -> None:
        """Leave a terminal's line empty, for what is printed next."""
        if self._into.isatty():
            print("\r" + " " * WIDTH + "\r", end="", flush=True, file=self._into)

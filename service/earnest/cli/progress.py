"""How far something long is: a bar with the time that is left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from earnest.cli.console import err

LINE_SECONDS = 5.0


class Meter:
    """Shows one thing after the other."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._doing, self._task = "", TaskID(0)
        self._begun, self._said, self._from = time.monotonic(), time.monotonic(), 0

    def show(self, doing: str, done: int, total: int) -> None:
        """Show that `done` of `total` is reached (total 0: unknown)."""
        if doing != self._doing:
            self._doing, self._begun, self._from = doing, time.monotonic(), done
            if self._bar is not None:
                self._task = self._bar.add_task(doing, total=total or None, completed=done)
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total or None)
        elif time.monotonic() - self._said >= LINE_SECONDS:
            self._said = time.monotonic()
            err.print(f"{doing}: {done:,}" + (f" of {total:,}{self._left(done, total)}" if total else ""), markup=False)

    def _left(self, done: int, total: int) -> str:
        since, gone = done - self._from, time.monotonic() - self._begun
        return f", about {(total - done) * gone / since:,.0f} s left" if since > 0 else ""


@contextmanager
def meter() -> Iterator[Meter]:
    """Return a meter; its bar is gone when the block ends."""
    if not err.is_terminal:
        yield Meter(None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        yield Meter(bar)

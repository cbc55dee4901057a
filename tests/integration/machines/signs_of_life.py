"""What a database hears of its processes while a test goes on: how long each was silent, and who led when."""

from __future__ import annotations

import threading
import time
from types import TracebackType

from sqlalchemy import create_engine, text

from earnest.store.presence import BEAT_SECONDS, LEASE_SECONDS

LOOK_SECONDS = 0.02


class SignsOfLife:
    """Looks at the processes' rows and at one lead again and again, from a thread, while the block lasts.

    All times are the database's. A machine that has too much to do, or stands still for a while, lets every process
    be late with its signs of life; so these tell how late anything else may be.

    Args:
        url: of the database, a PostgreSQL.
        lead: the lead's name.
    """

    def __init__(self, url: str, lead: str) -> None:
        self._engine = create_engine(url)
        self._lead = lead
        self._beats: dict[str, int] = {}
        self._waits: dict[str, int] = {}
        self._late = 0
        self._taken: dict[int, tuple[str, int]] = {}
        self._now = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="signs of life", daemon=True)

    def now_ms(self) -> int:
        """Return the database's time."""
        with self._engine.connect() as connection:
            return int(connection.execute(text(_NOW)).scalar_one())

    def taken(self) -> dict[int, tuple[str, int]]:
        """Return by epoch who took the lead, and when that was seen first."""
        return dict(self._taken)

    def names(self) -> list[str]:
        """Return the processes that were ever heard of."""
        return list(self._beats)

    def last(self, name: str) -> int:
        """Return when a process gave its last sign of life, 0 if it never did."""
        return self._beats.get(name, 0)

    def late_ms(self, *names: str) -> int:
        """Return how much later than it should the latest sign of life of some processes came, or this look-out's."""
        waits = [max(self._waits.get(name, 0), self._now - self.last(name)) for name in names if name in self._beats]
        return max(self._late, *(wait - int(BEAT_SECONDS * 1_000) for wait in waits), 0)

    def __enter__(self) -> SignsOfLife:
        """Look once, and then again and again."""
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        self._over.set()
        self._thread.join()
        self._engine.dispose()

    def _run(self) -> None:
        while not self._over.is_set():
            self._look()
            time.sleep(LOOK_SECONDS)

    def _look(self) -> None:
        with self._engine.connect() as connection:
            beats = connection.execute(text(_BEATS)).all()
            led = connection.execute(text(_LED), {"lead": self._lead}).one_or_none()
            now = int(connection.execute(text(_NOW)).scalar_one())
        for name, expires in beats:
            beat = expires - int(LEASE_SECONDS * 1_000)
            self._waits[name] = max(self._waits.get(name, 0), beat - self._beats.get(name, beat))
            self._beats[name] = beat
        self._late = max(self._late, now - (self._now or now))
        self._now = now
        if led is not None:
            self._taken.setdefault(led.epoch, (led.process_name, now))


_NOW = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
_BEATS = "SELECT name, expires_at_ms FROM processes WHERE expires_at_ms IS NOT NULL"
_LED = "SELECT epoch, process_name FROM leads WHERE name = :lead AND process_id IS NOT NULL"

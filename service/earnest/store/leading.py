"""Jobs that one process at a time does: the others stand by, and take over when it ends, hangs or is cut off."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

from earnest.payment.errors import Unavailable
from earnest.store.errors import LeadLost, LockTaken
from earnest.store.leads import Fence
from earnest.store.loops import Loop
from earnest.store.presence import Presence
from earnest.store.records import Lead

log = logging.getLogger(__name__)

STAND_BY_SECONDS: Final = 0.5
"""How often a process that does not lead asks whether it may."""
WATCH_SECONDS: Final = 0.5
"""How often a process that leads makes sure that it still does, and tells the others how it goes."""
HAND_OVER_SECONDS: Final = 1.0
"""How long a job that is told to stop may keep its lead. After that the next one leads, and what this one would still
write is refused."""
STUCK_SECONDS: Final = 120.0
"""A job that has not come one step further for so long hangs: no step waits longer, not even for a node that drips."""
HANGS: Final = "hangs"
QUIET_SECONDS: Final = "quiet_seconds"
"""Fields of a leader's report beside those of its status: that its job hangs, and how long ago it did its last step."""
GRACE_SECONDS: Final = 10.0


class Led:
    """A job that one process at a time may do.

    Args:
        presence: this process among the others.
        name: of the lead.
        run: the job; runs until it is told to stop.
        fence: what the job writes through; is given each lead.
        status: how the job goes: another object after each step. Its plain fields are told to the other processes.
        stuck_seconds: how long the status may stay the same object.
    """

    def __init__(
        self,
        presence: Presence,
        name: str,
        run: Callable[[threading.Event], None],
        *,
        fence: Fence | None = None,
        status: Callable[[], object] | None = None,
        stuck_seconds: float = STUCK_SECONDS,
    ) -> None:
        self._presence, self.name, self._job = presence, name, run
        self._fence, self._status, self._stuck_seconds = fence or Fence(), status, stuck_seconds
        self._is_leading = False
        self._stepped_at = time.monotonic()

    @property
    def leads(self) -> bool:
        """Whether this process does the job now."""
        return self._is_leading and self._presence.alive()

    @property
    def quiet_seconds(self) -> int:
        """How long ago the job, which this process does now, was last seen to come a step further."""
        return int(time.monotonic() - self._stepped_at)

    @property
    def loop(self) -> Loop:
        """The loop to be started."""
        return Loop(self.name, self.run)

    def run(self, stop: threading.Event) -> None:
        """Lead whenever no other process does, until told to stop; raises what the job raises."""
        complaint: str | None = None
        while not stop.is_set():
            try:
                self._lead_once(stop)
                complaint = None
            except LockTaken:
                complaint = None
            except Unavailable as error:
                if complaint is None:
                    log.warning("%s waits: %s", self.name, error)
                complaint = error.code
            stop.wait(STAND_BY_SECONDS)

    def _lead_once(self, stop: threading.Event) -> None:
        if not self._presence.alive():
            return  # others would take the lead from us at once
        with self._presence.lead(self.name) as lead:
            log.info("leads %s (epoch %d)", self.name, lead.epoch)
            self._fence.lead = lead
            work = _Work(self._job, self.name)
            self._stepped_at = time.monotonic()
            self._is_leading = True
            try:
                self._watch(work, lead, stop)
            finally:
                self._is_leading = False
                work.over.set()
                work.thread.join(HAND_OVER_SECONDS)
        # It is another's from here on. Two terms of one process never overlap: the next one waits for this one's end.
        work.thread.join(GRACE_SECONDS)
        while work.thread.is_alive() and not stop.is_set():
            log.error("%s does not end: this process cannot lead it again before it does", self.name)
            work.thread.join(GRACE_SECONDS)
        if work.error is not None and not isinstance(work.error, LeadLost):
            raise work.error

    def _watch(self, work: _Work, lead: Lead, stop: threading.Event) -> None:
        """Return when the job is over, or is to end: told to stop, the lead lost, or no step done for too long."""
        seen = self._seen()
        while not stop.wait(WATCH_SECONDS) and work.thread.is_alive():
            now = self._seen()
            if now is None or now is not seen:
                seen, self._stepped_at = now, time.monotonic()
            report = {**(plain(now) or {}), QUIET_SECONDS: self.quiet_seconds}
            if self.quiet_seconds > self._stuck_seconds:
                log.error("%s hangs: no step for %d s; another process may lead", self.name, self._stuck_seconds)
                # It stays in the row until another leads, so that everybody can tell why nobody does.
                self._presence.tell(lead, {**report, HANGS: True})
                return
            if not self._presence.keeps(lead, report):
                log.warning("lost the lead of %s: another leads, or the database was away for too long", self.name)
                return

    def _seen(self) -> object:
        return self._status() if self._status is not None else None


class _Work:
    """One term of a job, in a thread of its own: the one that watches must never hang with it."""

    def __init__(self, run: Callable[[threading.Event], None], name: str) -> None:
        self._run, self.over = run, threading.Event()
        self.error: Exception | None = None
        self.thread = threading.Thread(target=self._work, name=name, daemon=True)
        self.thread.start()

    def _work(self) -> None:
        try:
            self._run(self.over)
        except Exception as error:
            self.error = error


def plain(status: object) -> Mapping[str, Any] | None:
    """Return the fields of a status that JSON can hold; amounts beyond 64 bits as digits."""
    if not is_dataclass(status):
        return None
    told = {field.name: getattr(status, field.name) for field in fields(status)}
    return {name: _fits(value) for name, value in told.items() if isinstance(value, str | int | float | None)}


def _fits(value: Any) -> Any:
    return str(value) if isinstance(value, int) and abs(value) >= 2**63 else value

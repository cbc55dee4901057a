"""This process among those that share a database: it says again and again that it is there, and so may lead."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Final

from earnest.payment.errors import EarnestError
from earnest.store.errors import LockTaken
from earnest.store.records import Lead
from earnest.store.store import Store

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 3.0
"""How long a process counts as there after it said so. Whoever wants its work asks twice a second, so what a killed or
stopped process did is taken over within 3.5 seconds; and three signs of life in a row may be late by a busy machine."""
BEAT_SECONDS: Final = 0.75


def _seconds_awake_or_asleep() -> float:
    """Return seconds since some moment; a machine that was suspended has missed none of them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Presence:
    """Keeps this process' row alive while the block lasts; when it ends, all that it led or claimed is free at once.

    On a database that takes one process there is nobody to tell: it is there until it ends.

    Args:
        store: the database; its `process_id` names this process.
        lease_seconds: how long it counts as there after each sign of life.
        beat_seconds: how often it gives one.
        clock: seconds that pass, whatever the wall's clock does.
    """

    def __init__(
        self,
        store: Store,
        *,
        lease_seconds: float = LEASE_SECONDS,
        beat_seconds: float = BEAT_SECONDS,
        clock: Callable[[], float] = _seconds_awake_or_asleep,
    ) -> None:
        self.id = store.process_id
        self.name = f"{socket.gethostname()}/{os.getpid()}"
        """For people: this machine, and the process' number on it."""
        self._store, self._clock = store, clock
        self._lease_seconds, self._beat_seconds = lease_seconds, beat_seconds
        self._is_alone = store.takes_one_process
        self._until = 0.0
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._run, name="presence", daemon=True)

    def alive(self) -> bool:
        """Whether others must still count this process as there: then nobody has what it leads or has claimed."""
        return self._clock() < self._until

    @contextmanager
    def lead(self, name: str, *, seize: bool = False) -> Iterator[Lead]:
        """Take the lead of a job, without waiting for it, and give it back at the end of the block.

        `seize`: take it from a process that is there, too; it stands by meanwhile, and may lead again after that.

        Raises:
            LockTaken: another process leads; ask again later.
        """
        with self._store.transaction() as tx:
            lead = tx.leads.take(name, self.id, seize=seize)
        if lead is None:
            raise LockTaken(f"another process leads {name!r}")
        try:
            yield lead
        finally:
            self.give_back(lead)

    def keeps(self, lead: Lead, report: Mapping[str, Any] | None = None) -> bool:
        """Tell the others how the job goes, and return whether this process still leads it."""
        if self._is_alone:
            return True
        if not self.alive():
            return False
        try:
            with self._store.transaction() as tx:
                return tx.leads.report(lead, report)
        except EarnestError as error:
            log.warning("could not make sure of the lead %s: %s", lead.name, error)
            return self.alive()

    def tell(self, lead: Lead, report: Mapping[str, Any]) -> None:
        """Tell the others how a job goes, whatever becomes of its lead."""
        with suppress(EarnestError), self._store.transaction() as tx:
            tx.leads.report(lead, report)

    def give_back(self, lead: Lead) -> None:
        """End a lead; one that is lost already, or cannot be ended now, ends with this process' last sign of life."""
        with suppress(EarnestError), self._store.transaction() as tx:
            tx.leads.give_back(lead)

    def __enter__(self) -> Presence:
        """Say for the first time that this process is there."""
        if self._is_alone:
            with self._store.transaction() as tx:
                tx.processes.beat(self.id, self.name, None)
                tx.processes.only(self.id)
            self._until = float("inf")
            return self
        self._beat()
        with self._store.transaction() as tx:
            tx.processes.forget_the_silent()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave."""
        self._left.set()
        if self._thread.is_alive():
            self._thread.join(self._lease_seconds)
        self._until = 0.0
        with suppress(EarnestError), self._store.transaction() as tx:
            tx.processes.leave(self.id)

    def _run(self) -> None:
        while not self._left.wait(self._beat_seconds):
            try:
                self._beat()
            except EarnestError as error:
                log.warning("cannot tell the database that this process is there: %s", error)
            except Exception:
                # This thread must outlive every fault: without it the process would never lead again.
                log.exception("a fault of ours in telling the database that this process is there")

    def _beat(self) -> None:
        # Counted from before the question: the database cannot have counted from earlier.
        started = self._clock()
        with self._store.transaction() as tx:
            tx.processes.beat(self.id, self.name, self._lease_seconds)
        self._until = started + self._lease_seconds

"""Who leads each job that one process at a time may do, and the fence that keeps out everybody who led before.

Each take-over raises the job's epoch. What a leader writes is written in a transaction that holds the job's row with
the epoch that it leads by; a take-over waits for such transactions, and after it they find another epoch.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import JSON, BigInteger, Column, Connection, Row, Table, Text, bindparam, func, select, text

from earnest.store.database_clock import now_ms, now_seconds
from earnest.store.driver_errors import DRIVER_ERRORS
from earnest.store.engine import application_name
from earnest.store.errors import LeadLost
from earnest.store.processes import alive, processes
from earnest.store.raw import Fixed, Later
from earnest.store.records import Lead, LeaderRow
from earnest.store.schema import insert, metadata

leads = Table(
    "leads",
    metadata,
    Column("name", Text, primary_key=True),
    # Rises by one with each take-over; never falls.
    Column("epoch", BigInteger, nullable=False),
    # NULL: given back.
    Column("process_id", Text),
    Column("process_name", Text),
    Column("since", BigInteger, nullable=False),
    # What the leader last told about its job, for health checks of the other processes.
    Column("report", JSON),
    Column("reported_at_ms", BigInteger),
)


def follow_lead(chain_id: int) -> str:
    """Return the name of the lead of whoever follows a chain."""
    return f"follow-{chain_id}"


def send_lead(chain_id: int, sender: str) -> str:
    """Return the name of the lead of whoever sends one account's txs on a chain."""
    return f"send-{chain_id}-{sender}"


class Leads:
    """The leads of all jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take(self, name: str, process_id: str, *, seize: bool = False) -> Lead | None:
        """Take the lead unless a process that is there has it; everybody who led before is kept out from now on.

        Waits for what the one before is just writing, and ends that by force where he fell silent over it. `seize`:
        take it from a process that is there as well; it finds that out when it writes next, and stands by.
        """
        found = self._look(name)
        if found is None:
            new = insert(self._connection.dialect.name, leads).values(name=name, epoch=0, since=now_seconds())
            self._connection.execute(new.on_conflict_do_nothing())
        elif _is_led(found, process_id):
            if not seize:
                return None
        elif found.process_id not in (None, process_id):
            self._end_what_hangs(found.process_id)
        locked = self._connection.execute(select(leads).where(leads.c.name == name).with_for_update()).one()
        # Looked at once more under the lock: another process may have been quicker.
        now_found = self._look(name)
        if now_found is None or (_is_led(now_found, process_id) and not seize):
            return None
        mine = select(processes.c.name).where(processes.c.id == process_id).scalar_subquery()
        values = {"epoch": locked.epoch + 1, "process_id": process_id, "process_name": mine, "since": now_seconds()}
        taken = leads.update().where(leads.c.name == name)
        self._connection.execute(taken.values(**values, report=None, reported_at_ms=now_ms()))
        return Lead(name, process_id, locked.epoch + 1)

    def hold(self, lead: Lead) -> None:
        """Make sure that nobody takes the lead until this transaction ends.

        Raises:
            LeadLost: somebody has, or it was given back; nothing may be written by it any more.
        """
        self.hold_later(lead)()

    def hold_later(self, lead: Lead) -> Later[None]:
        """Ask as `hold` does; what is returned raises what that raises."""
        # A key-share lock: reports pass it, a take-over does not.
        asked = _HELD.ask_later(self._connection, {"lead": lead.name})

        def check() -> None:
            rows = asked()
            epoch, process_id, process_name = rows[0] if rows else (None, None, None)
            if (epoch, process_id) != (lead.epoch, lead.process_id):
                raise LeadLost(lead.name, lead.epoch, epoch, process_name)

        return check

    def report(self, lead: Lead, report: Mapping[str, Any] | None) -> bool:
        """Tell the others how the job goes; returns whether the lead is still this one's."""
        c = leads.c
        this = leads.update().where(c.name == lead.name, c.epoch == lead.epoch, c.process_id == lead.process_id)
        return self._connection.execute(this.values(report=report, reported_at_ms=now_ms())).rowcount == 1

    def give_back(self, lead: Lead) -> None:
        """End a lead, if it is still this one's: the next process takes it as soon as it asks."""
        c = leads.c
        this = select(c.name).where(c.name == lead.name, c.epoch == lead.epoch, c.process_id == lead.process_id)
        # Locked as a take-over locks it: what this leader is just writing is waited for.
        if self._connection.execute(this.with_for_update()).first() is not None:
            ended = leads.update().where(c.name == lead.name)
            self._connection.execute(ended.values(process_id=None, since=now_seconds(), reported_at_ms=now_ms()))

    def leader(self, name: str) -> LeaderRow | None:
        """Return who leads a job, or led it last; None if nobody ever did."""
        found = self._look(name)
        if found is None or found.process_name is None:
            return None
        vacant_ms = 0 if found.is_there else max(0, found.now_ms - (found.reported_at_ms or 0))
        return LeaderRow(
            name, found.process_name, found.since, found.epoch, vacant_ms // 1_000, found.is_there, found.report
        )

    def _look(self, name: str) -> Row[Any] | None:
        is_there = func.coalesce(alive() & processes.c.id.is_not(None), False).label("is_there")
        wanted = select(leads, is_there, now_ms().label("now_ms")).where(leads.c.name == name)
        joined = wanted.join(processes, processes.c.id == leads.c.process_id, isouter=True)
        return self._connection.execute(joined).one_or_none()

    def _end_what_hangs(self, process_id: str) -> None:
        """End the transactions of a process that fell silent (stopped, or cut off in the middle of one).

        They hold locks that its follower needs, and the server cannot tell on its own that nobody will ever go on.
        """
        if self._connection.dialect.name != "postgresql":
            return
        ending = text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = :name AND datname = current_database() AND state <> 'idle'"
        )
        # Where we may not, the server's own limit for idle transactions ends them some seconds later.
        with suppress(*DRIVER_ERRORS), self._connection.begin_nested():
            self._connection.execute(ending, {"name": application_name(process_id)})


_HELD: Final = Fixed(
    lambda _: (
        select(leads.c.epoch, leads.c.process_id, leads.c.process_name)
        .where(leads.c.name == bindparam("lead", type_=Text))
        .with_for_update(read=True, key_share=True)
    )
)


def _is_led(found: Row[Any], process_id: str) -> bool:
    """Whether a process that is there has the lead, and another one than this."""
    return bool(found.is_there) and found.process_id not in (None, process_id)


class Fence:
    """What a led job writes through: whoever holds it carries the lead that he was given last.

    Never without one: a job that was never given the lead may write nothing.
    """

    NO_LEAD: Final = Lead("", "", -1)

    def __init__(self) -> None:
        self.lead = self.NO_LEAD

    def hold(self, leads: Leads) -> None:
        """Keep the lead until the transaction ends; raises `LeadLost`."""
        leads.hold(self.lead)

    def hold_later(self, leads: Leads) -> Later[None]:
        """Ask as `hold` does; what is returned raises what that raises."""
        return leads.hold_later(self.lead)

"""Deposit addresses that somebody waits for; whoever looks at them shares the work with every other process."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, Table, Text, func, select

from earnest.payment.primitives import Hash32
from earnest.store.schema import insert, metadata

watched_deposits = Table(
    "watched_deposits",
    metadata,
    Column("payment_id", Text, primary_key=True),
    Column("account", Text),
    Column("since", BigInteger, nullable=False),
    Column("looked_at", BigInteger, nullable=False),
)


class WatchedDeposits:
    """What is waited for; few rows, each soon gone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, payment_id: Hash32, account: str | None, now: int, most: int) -> None:
        """Wait for the deposit of an account's payment; one that is waited for already changes nothing.

        Beyond `most`, the account with the most of them loses its oldest. `now` is wall time (Unix).
        """
        values = {"payment_id": payment_id, "account": account, "since": now, "looked_at": 0}
        dialect, c = self._connection.dialect.name, watched_deposits.c
        self._connection.execute(insert(dialect, watched_deposits).values(values).on_conflict_do_nothing())
        count = func.count()
        while int(self._connection.execute(select(count).select_from(watched_deposits)).scalar_one()) > most:
            busiest = (
                select(c.account)
                .where(c.payment_id != payment_id)
                .group_by(c.account)
                .order_by(count.desc(), c.account)
                .limit(1)
            )
            owner = self._connection.execute(busiest).scalar_one()
            oldest = select(c.payment_id).where(c.account.is_not_distinct_from(owner), c.payment_id != payment_id)
            self.remove(self._connection.execute(oldest.order_by(c.since, c.payment_id).limit(1)).scalar_one())

    def list(self) -> Sequence[Hash32]:
        """Return what is waited for, the oldest first."""
        c = watched_deposits.c
        wanted = select(c.payment_id).order_by(c.since, c.payment_id)
        return [Hash32(each) for each in self._connection.execute(wanted).scalars()]

    def take(self, now: int, pause_seconds: int) -> Sequence[Hash32]:
        """Return what nobody has looked at for so long, and note that it is looked at now (wall time, Unix)."""
        c = watched_deposits.c
        due = watched_deposits.update().where(c.looked_at <= now - pause_seconds).values(looked_at=now)
        return [Hash32(each) for each in self._connection.execute(due.returning(c.payment_id)).scalars()]

    def remove(self, payment_id: Hash32) -> None:
        """Wait no longer."""
        self._connection.execute(watched_deposits.delete().where(watched_deposits.c.payment_id == payment_id))

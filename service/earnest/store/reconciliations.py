"""What came of comparing the mirror with the contract the last time, one row a chain, for every process to see."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import JSON, BigInteger, Column, Connection, Table, Text, select

from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef
from earnest.store.schema import insert, metadata

reconciliations = Table(
    "reconciliations",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", Text, nullable=False),
    Column("block_timestamp", BigInteger, nullable=False),
    Column("finished_at", BigInteger, nullable=False),
    Column("duration_ms", BigInteger, nullable=False),
    Column("payments", BigInteger, nullable=False),
    Column("differences", BigInteger, nullable=False),
    # The first of them, as sentences.
    Column("named", JSON, nullable=False),
)

# One row a chain while they fail; a comparison that comes to its end takes it away.
failed_reconciliations = Table(
    "failed_reconciliations",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("since", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("times", BigInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("error", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class FailedReconciliation:
    """Comparisons that did not come to their end, since the last one that did.

    `since` and `at` are when the first and the latest failed (wall time, Unix), `times` how many; `code` and `error`
    say why the latest did.
    """

    chain_id: int
    since: int
    at: int
    times: int
    code: str
    error: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """One comparison of the mirror with the contract's state at one block.

    `finished_at` is wall time (Unix), `payments` how many were compared, `differences` how many were found, `named` the
    first of them as sentences.
    """

    chain_id: int
    block: BlockRef
    finished_at: int
    duration_ms: int
    payments: int
    differences: int
    named: tuple[str, ...] = ()


class Reconciliations:
    """The last reconciliation of each chain."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, done: Reconciliation) -> None:
        """Write down a reconciliation in place of the one before, and of those that failed since."""
        row = {
            "chain_id": done.chain_id,
            "block_number": done.block.number,
            "block_hash": done.block.hash,
            "block_timestamp": done.block.timestamp,
            "finished_at": done.finished_at,
            "duration_ms": done.duration_ms,
            "payments": done.payments,
            "differences": done.differences,
            "named": list(done.named),
        }
        putting = insert(self._connection.dialect.name, reconciliations)
        self._connection.execute(putting.on_conflict_do_update(index_elements=["chain_id"], set_=row), row)
        failed = failed_reconciliations
        self._connection.execute(failed.delete().where(failed.c.chain_id == done.chain_id))

    def fail(self, chain_id: int, now: int, code: str, error: str) -> None:
        """Write down that a comparison failed."""
        table = failed_reconciliations
        failing = insert(self._connection.dialect.name, table).values(
            chain_id=chain_id, since=now, at=now, times=1, code=code, error=error
        )
        changes = {"at": now, "times": table.c.times + 1, "code": code, "error": error}
        self._connection.execute(failing.on_conflict_do_update(index_elements=["chain_id"], set_=changes))

    def failing(self, chain_id: int) -> FailedReconciliation | None:
        """Return how the comparisons fail, None if the latest came to its end."""
        table = failed_reconciliations
        row = self._connection.execute(select(table).where(table.c.chain_id == chain_id)).one_or_none()
        return None if row is None else FailedReconciliation(**row._mapping)

    def last(self, chain_id: int) -> Reconciliation | None:
        """Return the chain's last reconciliation, None if there was none since the mirror was last rebuilt."""
        wanted = select(reconciliations).where(reconciliations.c.chain_id == chain_id)
        row = self._connection.execute(wanted).one_or_none()
        if row is None:
            return None
        return Reconciliation(
            chain_id=row.chain_id,
            block=BlockRef(row.block_number, Hash32(row.block_hash), row.block_timestamp),
            finished_at=row.finished_at,
            duration_ms=row.duration_ms,
            payments=row.payments,
            differences=row.differences,
            named=tuple(row.named),
        )

    def forget(self, chain_id: int) -> None:
        """Forget what was found: the mirror is another one now."""
        self._connection.execute(reconciliations.delete().where(reconciliations.c.chain_id == chain_id))

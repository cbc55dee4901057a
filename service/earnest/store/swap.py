"""Replaces what the mirror held of a chain by what a replay of the chain found, row by row, in one transaction.

Nothing of a merchant's own is touched, nor what he was told: only the columns that the chain alone decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, bindparam, false

from earnest.payment.primitives import Address, Hash32
from earnest.store.blocks import chains
from earnest.store.chain_facts import CURSOR, NOTHING_TOLD, FactTable, Key
from earnest.store.events import events, of_payments
from earnest.store.payment_table import payments
from earnest.store.schema import execute_many, in_lists, insert

REBUILT: Final = "rebuilt"
"""Stands as the name of the last batch after a swap: no batch of updates has it."""


class Swap:
    """Writes what a replay found."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, kind: FactTable, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows of a replay as they are; of a payment that is there, the chain's facts alone."""
        execute_many(self._connection, _putting(self._connection.dialect.name, kind), rows)

    def take_back(self, chain_id: int, escrow: Address, payment_ids: Collection[Hash32]) -> None:
        """Let these payments be as if the chain had never told anything of them."""
        for some in in_lists(payment_ids):
            taken = payments.update().where(payments.c.chain_id == chain_id, payments.c.id.in_(some))
            self._connection.execute(taken.values({**NOTHING_TOLD, "escrow": escrow}))

    def orphan(self, kind: FactTable, chain_id: int, keys: Collection[Key]) -> None:
        """Flag rows that are not on the chain (any more); they stay to be looked at, and count no longer."""
        changes: dict[str, Any] = {"orphaned": True}
        if "final" in kind.table.c:
            changes["final"] = False
        execute_many(self._connection, kind.table.update().where(*_named(kind)).values(changes), _names(chain_id, keys))

    def remove(self, kind: FactTable, chain_id: int, keys: Collection[Key]) -> None:
        """Delete rows."""
        execute_many(self._connection, kind.table.delete().where(*_named(kind)), _names(chain_id, keys))

    def remove_foreign(self, chain_id: int, payment_ids: Collection[Hash32]) -> None:
        """Delete foreign payments with every event of theirs; one that a merchant created meanwhile stays."""
        for some in in_lists(payment_ids):
            foreign = payments.c.account.is_(None)
            still = payments.select().with_only_columns(payments.c.id)
            still = still.where(payments.c.chain_id == chain_id, payments.c.id.in_(some), foreign).with_for_update()
            gone = [row.id for row in self._connection.execute(still)]
            self._connection.execute(events.delete().where(events.c.chain_id == chain_id, of_payments(gone)))
            self._connection.execute(
                payments.delete().where(payments.c.chain_id == chain_id, payments.c.id.in_(gone), foreign)
            )

    def set_versions(self, chain_id: int, versions: Mapping[Hash32, int]) -> None:
        """Set how many things the payments' merchants were told."""
        this = (payments.c.chain_id == chain_id, payments.c.id == bindparam("payment"))
        setting = payments.update().where(*this).values(version=bindparam("told"))
        execute_many(self._connection, setting, [{"payment": id_, "told": told} for id_, told in versions.items()])

    def set_cursor(self, chain_id: int, cursor: Mapping[str, Any]) -> None:
        """Set how far the chain was followed, by the columns of `CURSOR`."""
        moved = chains.update().where(chains.c.chain_id == chain_id)
        self._connection.execute(moved.values({**{name: cursor[name] for name in CURSOR}, "last_batch": REBUILT}))

    def cursor(self, chain_id: int) -> dict[str, Any]:
        """Return how far the chain was followed, by the columns of `CURSOR`."""
        wanted = chains.select().with_only_columns(*(chains.c[name] for name in CURSOR))
        row = self._connection.execute(wanted.where(chains.c.chain_id == chain_id)).one()
        return dict(row._mapping)


def _named(kind: FactTable) -> list[ColumnElement[bool]]:
    """Return the condition that a row has a key. One row at a time: of a list of keys SQLite would read the table."""
    return [kind.table.c[name] == bindparam(f"key_{at}") for at, name in enumerate(("chain_id", *kind.key))]


def _names(chain_id: int, keys: Collection[Key]) -> list[dict[str, Any]]:
    """Return keys as `_named` takes them."""
    return [{f"key_{at}": part for at, part in enumerate((chain_id, *key))} for key in keys]


@cache
def _putting(dialect: str, kind: FactTable) -> Any:
    putting = insert(dialect, kind.table)
    changes: dict[str, Any] = {name: putting.excluded[name] for name in kind.facts}
    if kind.can_be_orphaned:
        changes["orphaned"] = false()
    return putting.on_conflict_do_update(index_elements=["chain_id", *kind.key], set_=changes)

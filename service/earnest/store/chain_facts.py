"""What the chain told, row by row and as text: for whoever compares one mirror with another, or hashes one.

Everything is read as text, so that the same facts look the same on both databases, and so that a value that nobody of
ours would have written (a row that was changed by hand) is shown instead of failing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Boolean, Column, Connection, Integer, Table, Text, cast, exists, func, select, text, tuple_
from sqlalchemy.sql.elements import ColumnElement

from earnest.payment.primitives import Hash32
from earnest.store.blocks import blocks, chains
from earnest.store.credits import credit_withdrawals
from earnest.store.dismissals import dismissals
from earnest.store.events import events, of_payments
from earnest.store.outbox_tables import notifications
from earnest.store.payment_table import payments
from earnest.store.schema import in_lists
from earnest.store.side_events import side_events

Key = tuple[Any, ...]
"""What names a row within a chain: a payment's id, a block's hash, or a log's place in its block. Tables are read in
the order of their keys."""

Facts = tuple[str | None, ...]
"""A row's facts as text, in the order of its table's `facts`."""


@dataclass(frozen=True)
class FactTable:
    """One table of chain facts.

    Args:
        name: what one row of it is, for people.
        table: where they stand.
        key: the columns that name a row within a chain.
        facts: the columns that only the chain decides.
    """

    name: str
    table: Table
    key: tuple[str, ...]
    facts: tuple[str, ...]

    def block_hash(self, key: Key) -> str:
        """Return the block's hash out of the key of a log."""
        return str(key[self.key.index("block_hash")])

    def name_of(self, key: Key) -> str:
        """Return a row's key for people."""
        named = dict(zip(self.key, key, strict=True))
        return f"{named['block_hash']} log {named['log_index']}" if "log_index" in named else str(key[0])

    @property
    def can_be_orphaned(self) -> bool:
        """Whether a row stays, flagged, when a reorg takes it; only the others count."""
        return "orphaned" in self.table.c

    def fact(self, facts: Facts, name: str) -> str | None:
        """Return one of a row's facts."""
        return facts[self.facts.index(name)]


def _facts(table: Table, *but: str) -> tuple[str, ...]:
    return tuple(column.name for column in table.c if column.name not in {"chain_id", "orphaned", *but})


MERCHANTS_OWN: Final = (
    *("account", "order_reference", "salt", "created_at", "recorded_at"),
    # What he was told, and how often.
    *("version", "told_expired"),
)
"""The columns of a payment that no chain knows."""

_LOG: Final = ("block_hash", "log_index")
PAYMENTS: Final = FactTable("payment", payments, ("id",), _facts(payments, "id", *MERCHANTS_OWN))
EVENTS: Final = FactTable("event", events, ("block_number", "log_index", "block_hash"), _facts(events, *_LOG))
SIDE_EVENTS: Final = FactTable("side event", side_events, _LOG, _facts(side_events, *_LOG))
WITHDRAWALS: Final = FactTable("withdrawal", credit_withdrawals, _LOG, _facts(credit_withdrawals, *_LOG))
DISMISSALS: Final = FactTable("dismissal", dismissals, _LOG, _facts(dismissals, *_LOG))
BLOCKS: Final = FactTable("block", blocks, ("hash",), _facts(blocks, "hash"))

NOTHING_TOLD: Final[Mapping[str, str | int | None]] = {
    "status": "created",
    **dict.fromkeys(("since", "seq", "funded", "held", "to_merchant", "to_fee_recipient", "to_buyer", "repaid"), 0),
    **dict.fromkeys(("payer", "paid_for", "block_number", "block_hash", "block_timestamp")),
}
"""The facts of a payment of which the chain says nothing; its terms are whatever its merchant asked for."""

CURSOR: Final = tuple(f"{which}_{what}" for which in ("head", "final") for what in ("number", "hash", "timestamp"))


class ChainFacts:
    """What the chain told, as it stands in this database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, kind: FactTable, chain_id: int, after: Key | None, limit: int) -> dict[Key, Facts]:
        """Return the rows that count after a key, at most `limit`, in the keys' order; from the first for None."""
        keys = [kind.table.c[name] for name in kind.key]
        wanted = select(*keys, *_texts(kind)).where(*_counting(kind, chain_id))
        if after is not None:
            wanted = wanted.where(keys[0] > after[0] if len(keys) == 1 else tuple_(*keys) > tuple_(*after))
        return self._read(kind, wanted.order_by(*keys).limit(limit))

    def lookup(self, kind: FactTable, chain_id: int, keys: Collection[Key]) -> dict[Key, Facts]:
        """Return those of these rows that there are and that count."""
        named = [kind.table.c[name] for name in kind.key]
        found: dict[Key, Facts] = {}
        for some in in_lists({key[0] for key in keys}):
            wanted = select(*named, *_texts(kind)).where(*_counting(kind, chain_id), named[0].in_(some))
            found |= self._read(kind, wanted)
        return {key: found[key] for key in keys if key in found}

    def rows(self, kind: FactTable, chain_id: int, keys: Collection[Key]) -> list[dict[str, Any]]:
        """Return whole rows that count, as they would be inserted elsewhere."""
        wanted, first = set(keys), kind.table.c[kind.key[0]]
        rows = [
            dict(row._mapping)
            for some in in_lists({key[0] for key in keys})
            for row in self._connection.execute(select(kind.table).where(*_counting(kind, chain_id), first.in_(some)))
        ]
        return [row for row in rows if tuple(row[name] for name in kind.key) in wanted]

    def events_of(self, chain_id: int, payment_ids: Collection[Hash32]) -> dict[Hash32, list[tuple[Key, Facts]]]:
        """Return the payments' events that count, by payment, in order of `seq`."""
        found: dict[Hash32, list[tuple[Key, Facts]]] = {each: [] for each in payment_ids}
        paid = EVENTS.facts.index("payment_id")
        keys = [events.c[name] for name in EVENTS.key]
        for some in in_lists(found):
            wanted = select(*keys, *_texts(EVENTS)).where(*_counting(EVENTS, chain_id), of_payments(some))
            for key, facts in self._read(EVENTS, wanted.order_by(events.c.seq, *keys)).items():
                found[Hash32(str(facts[paid]))].append((key, facts))
        return found

    def stray_events(self, chain_id: int) -> list[Key]:
        """Return the events, orphaned ones too, whose payment is not there: no code of ours writes one."""
        c = events.c
        there = exists().where(payments.c.chain_id == c.chain_id, payments.c.id == c.payment_id)
        wanted = select(*(c[name] for name in EVENTS.key)).where(c.chain_id == chain_id, ~there)
        return [tuple(row) for row in self._connection.execute(wanted)]

    def told_further(self, chain_id: int) -> dict[Hash32, tuple[int, int]]:
        """Return the payments whose merchant was told of a later version than theirs: (their own, the one told)."""
        n, p = notifications.c, payments.c
        last = select(n.payment_id, func.max(n.version).label("told")).where(n.chain_id == chain_id)
        newest = last.group_by(n.payment_id).subquery()
        both = select(p.id, p.version, newest.c.told).join(newest, newest.c.payment_id == p.id)
        behind = both.where(p.chain_id == chain_id, p.version < newest.c.told)
        return {row.id: (row.version, row.told) for row in self._connection.execute(behind)}

    def accounts(self, chain_id: int, payment_ids: Collection[Hash32]) -> dict[Hash32, str | None]:
        """Return whose these payments are, None for foreign ones."""
        return {
            row.id: row.account
            for some in in_lists(payment_ids)
            for row in self._connection.execute(
                select(payments.c.id, payments.c.account).where(
                    payments.c.chain_id == chain_id, payments.c.id.in_(some)
                )
            )
        }

    def cursor(self, chain_id: int) -> Facts | None:
        """Return how far the chain was followed, in the order of `CURSOR`; None if never."""
        wanted = select(*(_text(chains.c[name]) for name in CURSOR)).where(chains.c.chain_id == chain_id)
        row = self._connection.execute(wanted).one_or_none()
        return None if row is None else tuple(row)

    def event_blocks(self, chain_id: int, below: int | None, limit: int) -> Sequence[tuple[int, str]]:
        """Return the number and hash of blocks with canonical events below a number, newest first."""
        number = events.c.block_number
        wanted = select(number, events.c.block_hash).where(*_counting(EVENTS, chain_id)).distinct()
        if below is not None:
            wanted = wanted.where(number < below)
        rows = self._connection.execute(wanted.order_by(number.desc(), events.c.block_hash).limit(limit))
        return [(row.block_number, row.block_hash) for row in rows]

    def last_final_event(self, chain_id: int, up_to: int) -> int | None:
        """Return the highest block up to a number that has an event marked as final."""
        newest = select(func.max(events.c.block_number)).where(*_counting(EVENTS, chain_id))
        return self._connection.execute(
            newest.where(events.c.final, events.c.block_number <= up_to)
        ).scalar_one_or_none()

    def _read(self, kind: FactTable, wanted: Any) -> dict[Key, Facts]:
        width = len(kind.key)
        return {tuple(row[:width]): tuple(row[width:]) for row in self._connection.execute(wanted)}


def _texts(kind: FactTable) -> list[ColumnElement[Any]]:
    return [_text(kind.table.c[name]) for name in kind.facts]


def _text(column: Column[Any]) -> ColumnElement[Any]:
    told: ColumnElement[Any] = cast(column, Integer) if isinstance(column.type, Boolean) else column
    # Labelled: SQLAlchemy would give the column's own type back for a cast that keeps its name.
    return cast(told, Text).label(f"{column.name}_text")


def _counting(kind: FactTable, chain_id: int) -> list[ColumnElement[bool]]:
    counting: list[ColumnElement[bool]] = [kind.table.c.chain_id == chain_id]
    if kind.can_be_orphaned:
        counting.append(text(f"NOT {kind.table.name}.orphaned"))  # type: ignore[arg-type]
    return counting

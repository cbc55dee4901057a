"""The payments' events: a log that is only added to; what a reorg took back is flagged."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Select,
    Table,
    Text,
    bindparam,
    false,
    func,
    literal_column,
    select,
    text,
    true,
)

from earnest.payment.events import Credited, EventKind, Funding, PaymentEvent
from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef
from earnest.payment.status import Status
from earnest.store.bulk import Upsert, amount_writer, flag_writer
from earnest.store.payment_pages import passive
from earnest.store.payment_table import TERMS, payments, terms_of
from earnest.store.raw import Fixed, Later
from earnest.store.records import StoredEvent
from earnest.store.schema import Amount, in_lists, metadata

events = Table(
    "events",
    metadata,
    Column("chain_id", BigInteger, nullable=False),
    Column("block_hash", Text, nullable=False),
    Column("log_index", BigInteger, nullable=False),
    Column("block_number", BigInteger, nullable=False),
    Column("block_timestamp", BigInteger, nullable=False),
    Column("tx_hash", Text, nullable=False),
    Column("payment_id", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("held", Amount, nullable=False),
    Column("moved_to_merchant", Amount, nullable=False),
    Column("moved_to_fee_recipient", Amount, nullable=False),
    Column("moved_to_buyer", Amount, nullable=False),
    Column("credited", Integer, nullable=False),
    # Of a funding only; its terms stand with the payment, whose id is their hash.
    Column("funding_payer", Text),
    Column("funding_buyer", Text),
    Column("orphaned", Boolean, nullable=False, server_default=false()),
    Column("final", Boolean, nullable=False, server_default=false()),
    # In the chain's own order: what is new goes to the end of it, and not to some page of a whole index of hashes.
    PrimaryKeyConstraint("chain_id", "block_number", "log_index", "block_hash"),
)
"""Without a foreign key: the mirror writes an event along with its payment, a database would look that up for each row,
and `reconcile` names every event that stands alone. See docs/decisions/0016."""


INDEXED_DIGITS: Final = 12
"""Digits of a payment's id that are indexed: an index of whole ids would be six times as large, and a backfill writes
all over it. Of a million payments hardly two begin alike, and what is asked for is compared as a whole all the same."""


def _beginning_of(id_: ColumnElement[str]) -> ColumnElement[str]:
    """Return what of a payment's id is indexed; in the index' own words, or no database sees that it fits."""
    return func.substr(id_, literal_column("3"), literal_column(str(INDEXED_DIGITS)))


Index("ix_events_payment", events.c.chain_id, _beginning_of(events.c.payment_id))
Index(
    "ix_events_not_yet_final",
    events.c.chain_id,
    events.c.block_number,
    sqlite_where=text("NOT final AND NOT orphaned"),
    postgresql_where=text("NOT final AND NOT orphaned"),
)
Index(
    "ix_events_credited",
    events.c.chain_id,
    sqlite_where=text("credited <> 0"),
    postgresql_where=text("credited <> 0"),
)


Told = tuple[BlockRef, Hash32, int, PaymentEvent]
"""An event with its block, its tx' hash and its log index: for the many of which nothing else is asked any more."""


class Events:
    """The payments' events."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, chain_id: int, told: Iterable[StoredEvent], final_number: int = -1) -> None:
        """Add events (their payments must be there); one that was orphaned becomes canonical again, as it is told now.

        What stands in a block up to `final_number` is final, unless it is orphaned.
        """
        yes, no = map(flag_writer(self._connection), (True, False))
        self._write(
            chain_id,
            (
                (
                    (each.block, each.tx_hash, each.log_index, each.event),
                    yes if each.orphaned else no,
                    yes if each.final or (each.block.number <= final_number and not each.orphaned) else no,
                )
                for each in told
            ),
        )

    def add_logs(self, chain_id: int, told: Iterable[Told], final_number: int = -1) -> None:
        """Add events as the chain told them; otherwise as `add`."""
        yes, no = map(flag_writer(self._connection), (True, False))
        self._write(chain_id, ((each, no, yes if each[0].number <= final_number else no) for each in told))

    def _write(self, chain_id: int, told: Iterable[tuple[Told, Any, Any]]) -> None:
        """Write events, each with whether it is orphaned and whether it is final."""
        amount = amount_writer(self._connection)
        fundings, others = [], []
        for (block, tx_hash, log_index, event), orphaned, final in told:
            # In the order of `_OF_EVERY`.
            row = (
                chain_id,
                block.hash,
                log_index,
                block.number,
                block.timestamp,
                tx_hash,
                event.payment_id,
                event.seq,
                # `value` is a property written in Python; this is what it returns.
                event.kind._value_,
                event.status._value_,
                amount(event.held),
                amount(event.to_merchant),
                amount(event.to_fee_recipient),
                amount(event.to_buyer),
                event.credited._value_,
                orphaned,
                final,
            )
            funding = event.funding
            if funding is None:
                others.append(row)
            else:
                fundings.append((*row, funding.payer, funding.buyer))
        _ADDING_FUNDINGS.write(self._connection, fundings)
        _ADDING.write(self._connection, others)

    def canonical(self, chain_id: int, payment_ids: Collection[Hash32]) -> dict[Hash32, list[StoredEvent]]:
        """Return the payments' events that count, by payment, in order of `seq`."""
        found: dict[Hash32, list[StoredEvent]] = {payment_id: [] for payment_id in payment_ids}
        for some in in_lists(payment_ids):
            wanted = _all(chain_id).where(of_payments(some), ~events.c.orphaned).order_by(events.c.seq)
            for each in self._read(wanted):
                found[each.event.payment_id].append(each)
        return found

    def timeline(self, chain_id: int, payment_id: Hash32) -> Sequence[StoredEvent]:
        """Return all events of a payment by block and log index, the orphaned ones included."""
        # Sorted here: asked for in the order of the key, SQLite would go through all that the chain ever told.
        return sorted(self._read(_all(chain_id).where(of_payments([payment_id]))), key=_place_of)

    def in_blocks(self, chain_id: int, blocks: Collection[BlockRef]) -> Sequence[StoredEvent]:
        """Return the canonical events in these blocks, by block and log index."""
        found: list[StoredEvent] = []
        for some in in_lists(blocks):
            wanted = _all(chain_id).where(*_in_one_of(some), ~events.c.orphaned)
            found += self._read(wanted)
        return sorted(found, key=lambda each: (each.block.number, each.log_index))

    def orphan(self, chain_id: int, blocks: Collection[BlockRef]) -> None:
        """Flag the events in these blocks as orphaned."""
        for some in in_lists(blocks):
            dropped = events.update().where(events.c.chain_id == chain_id, *_in_one_of(some))
            self._connection.execute(dropped.values(orphaned=True))

    def not_yet_final(self, chain_id: int, up_to_block_number: int) -> Sequence[StoredEvent]:
        """Return the canonical events of merchants' payments up to a block that are not marked as final, in order."""
        return self.not_yet_final_later(chain_id, up_to_block_number)()

    def not_yet_final_later(self, chain_id: int, up_to_block_number: int) -> Later[Sequence[StoredEvent]]:
        """Ask as `not_yet_final` does."""
        asked = {"chain_id": chain_id, "up_to": up_to_block_number}
        rows = _WAITING_EVENTS.ask_later(self._connection, asked)
        return lambda: [_event(row) for row in rows()]

    def mark_final(self, chain_id: int, up_to_block_number: int) -> None:
        """Mark the canonical events up to a block as final."""
        _SETTLING.tell(self._connection, {"chain_id": chain_id, "up_to": up_to_block_number})

    def settle_later(self, chain_id: int, up_to_block_number: int) -> Later[Sequence[StoredEvent]]:
        """Mark as `mark_final` does, and return what `not_yet_final` returned before that, as it was then."""
        if self._connection.dialect.name != "postgresql":
            waiting = self.not_yet_final(chain_id, up_to_block_number)
            self.mark_final(chain_id, up_to_block_number)
            return lambda: waiting
        rows = _SETTLED.ask_later(self._connection, {"chain_id": chain_id, "up_to": up_to_block_number})
        return lambda: [_event(row) for row in rows()]

    def _read(self, wanted: Select[Any]) -> list[StoredEvent]:
        return [_event(row) for row in self._connection.execute(wanted)]


_OF_FUNDING: Final = ("funding_payer", "funding_buyer")
_OF_EVERY: Final = tuple(column.name for column in events.c if column.name not in _OF_FUNDING)
_KEY: Final = tuple(column.name for column in events.primary_key)
# All of it: whoever told the dropped log may have lied about what stands in it. What is not given is emptied.
_CHANGED: Final = tuple(column.name for column in events.c if column.name not in _KEY)
# Apart, so that no row gives an empty column: see `bulk`.
_ADDING: Final = Upsert(events, _OF_EVERY, _KEY, _CHANGED)
_ADDING_FUNDINGS: Final = Upsert(events, (*_OF_EVERY, *_OF_FUNDING), _KEY, _CHANGED)


_WHOLE: Final = (*events.c, *(payments.c[name] for name in TERMS))
"""What `_event` takes."""


def _all(chain_id: int) -> Select[Any]:
    return select(*_WHOLE).join(payments, _of_event).where(events.c.chain_id == chain_id)


_of_event: Final = (payments.c.chain_id == events.c.chain_id) & (payments.c.id == events.c.payment_id)


def of_payments(ids: Collection[Hash32]) -> ColumnElement[bool]:
    """Return the condition that an event is one of these payments'."""
    digits = {id_[2 : 2 + INDEXED_DIGITS] for id_ in ids}
    # Told of one whole id, SQLite would put it into the index' expression too, and no longer see the index.
    return _beginning_of(events.c.payment_id).in_(digits) & passive(events.c.payment_id).in_(ids)


def _in_one_of(blocks: Collection[BlockRef]) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that an event stands in one of these blocks, which are neighbours: their numbers find it."""
    numbers = [each.number for each in blocks]
    c = events.c
    return c.block_number.between(min(numbers), max(numbers)), c.block_hash.in_([each.hash for each in blocks])


def _place_of(stored: StoredEvent) -> tuple[int, int, Hash32, int]:
    return (stored.block.number, stored.block.timestamp, stored.block.hash, stored.log_index)


def _in_order(wanted: Select[Any]) -> Select[Any]:
    return wanted.order_by(events.c.block_number, events.c.block_timestamp, events.c.block_hash, events.c.log_index)


def _waiting(up_to_block_number: Any) -> tuple[Any, ...]:
    # Written as the partial index has it, or SQLite does not see that it fits.
    return (events.c.block_number <= up_to_block_number, text("NOT events.final AND NOT events.orphaned"))


_asked: Final = (events.c.chain_id == bindparam("chain_id", type_=BigInteger),)
_waiting_up_to: Final = (*_asked, *_waiting(bindparam("up_to", type_=BigInteger)))
_WAITING_EVENTS: Final = Fixed(
    lambda _: _in_order(
        select(*_WHOLE).join(payments, _of_event).where(*_waiting_up_to, payments.c.account.is_not(None))
    )
)
_SETTLING: Final = Fixed(lambda _: events.update().where(*_waiting_up_to).values(final=true()))


def _settled(_dialect: str) -> Select[Any]:
    """Return the statement that finds the events but once, to mark and to return them; only PostgreSQL has such."""
    marked = events.update().where(*_waiting_up_to).values(final=true()).returning(*events.c).cte("marked")
    c = marked.c
    before = (false().label(each.name) if each is events.c.final else c[each.name] for each in events.c)
    of_event = (payments.c.chain_id == c.chain_id) & (payments.c.id == c.payment_id)
    found = select(*before, *(payments.c[name] for name in TERMS)).join_from(marked, payments, of_event)
    order = (c.block_number, c.block_timestamp, c.block_hash, c.log_index)
    return found.where(payments.c.account.is_not(None)).order_by(*order)


_SETTLED: Final = Fixed(_settled)


def _event(row: Sequence[Any]) -> StoredEvent:
    """Return the event that a row of `_WHOLE` stands for, by place, be it the driver's own row or SQLAlchemy's."""
    (
        chain_id,
        block_hash,
        log_index,
        block_number,
        block_timestamp,
        tx_hash,
        payment_id,
        seq,
        kind,
        status,
        held,
        to_merchant,
        to_fee_recipient,
        to_buyer,
        credited,
        payer,
        buyer,
        orphaned,
        final,
        *terms,
    ) = row
    funding = Funding(payer, buyer, terms_of(terms)) if kind == EventKind.PAYMENT_FUNDED else None
    amounts = int(held), int(to_merchant), int(to_fee_recipient), int(to_buyer)
    event = PaymentEvent(_KIND[kind], payment_id, seq, _STATUS[status], *amounts, Credited(credited), funding)
    block = BlockRef(block_number, block_hash, block_timestamp)
    return StoredEvent(chain_id, block, tx_hash, log_index, event, bool(orphaned), bool(final))


_KIND: Final = {kind.value: kind for kind in EventKind}
_STATUS: Final = {status.value: status for status in Status}

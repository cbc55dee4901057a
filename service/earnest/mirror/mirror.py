"""The one place where anything on chain is believed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Final, NamedTuple

from earnest.chain.updates import Block, BlockAccepted, ChainUpdate, Position
from earnest.mirror.batch import (
    blocks_orphaned,
    count_logs,
    highest_accepted,
    highest_final,
    name_of,
    payments_funded,
    payments_told,
)
from earnest.mirror.belief import Belief
from earnest.mirror.errors import BlockDoesNotFit, EscrowChanged, GenesisChanged
from earnest.mirror.foreseen import Foreseen
from earnest.mirror.held_back import HeldBack
from earnest.mirror.herald import Herald
from earnest.mirror.recent import Recent
from earnest.mirror.window import Window, ref
from earnest.payment.foreign import Foreign
from earnest.payment.money import Token
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import Payment
from earnest.store import Store, Transaction
from earnest.store.errors import PaymentsChanged
from earnest.store.leads import Fence
from earnest.store.raw import Later
from earnest.store.records import ChainRow, Lead, Merchant, StoredBlock, StoredDismissal, StoredEvent, Untold

FEW: Final = 20
"""Up to so many payments, events and notifications are written without waiting in between. Each of the last can have a
delivery to several endpoints, and many rows are written by COPY, which does not go together with anything."""

MANY: Final = 100
"""Payments that are not read ahead of everything else: what they share is then more than what one question takes."""

IN_BULK: Final = 1_000
"""Logs of a batch: a backfill's, which never holds an event without its payment."""


def _merchants(payments: Iterable[Payment]) -> set[Address]:
    """Return who may have dismissed an operator whom somebody here will be told of."""
    return {each.terms.merchant for each in payments if not each.is_foreign}


def _no_page(_payment: Payment) -> None:
    return None


def _nobody() -> None:
    return None


class _Reading(NamedTuple):
    """What a batch asks for before anything else: events that become final, payments that expire, what waits.

    And the payments that it is sure to touch, or nearly, as far as they are few, with what belongs to them.
    """

    waiting: Later[Sequence[StoredEvent]]
    expiring: Later[Sequence[Hash32]]
    any_untold: Later[bool]
    any_waiting: Later[bool]
    foreseen: Collection[Hash32]
    payments: Later[dict[Hash32, Payment]]
    merchants: Later[dict[str, Merchant]]
    dismissals: Later[Sequence[StoredDismissal]]


class _Remembered(NamedTuple):
    """The position as it was read or written last, under which lead that was, and the batch that led there."""

    lead: Lead
    position: Position
    last_batch: str | None


class ChainMirror:
    """Fills `chain.updates.Mirror` for one chain and one escrow.

    Args:
        tokens: the token at an address, None where the service does not know it.
        clock: wall time (Unix), for the notifications' timestamps.
        checkout_url: where a payment's buyer pays, None where there is no such page.
        fence: of whoever leads the following; what a former leader would write is refused with `LeadLost`.
        announce: called once new notifications are in the outbox, for whoever delivers them in this process.
    """

    def __init__(
        self,
        store: Store,
        chain_id: int,
        escrow: Address,
        tokens: Callable[[Address], Token | None],
        clock: Callable[[], int],
        *,
        checkout_url: Callable[[Payment], str | None] = _no_page,
        fence: Fence | None = None,
        announce: Callable[[], object] = _nobody,
    ) -> None:
        self._store, self._chain_id, self._escrow = store, chain_id, escrow
        self._tokens, self._clock, self._checkout_url, self._fence = tokens, clock, checkout_url, fence
        self._announce = announce
        self._remembered: _Remembered | None = None
        self._recent = Recent()
        self._foreseen = Foreseen()

    def position(self) -> Position | None:
        """Return how far the chain was followed, None if never.

        While this process has the lead nobody else moves it, so it is read once: whoever takes the lead gives it
        another epoch, and what would be written on the strength of an old position is refused.
        """
        lead = self._lead()
        if self._remembered is not None and self._remembered.lead is lead:
            return self._remembered.position
        with self._store.read() as tx:
            chain = tx.blocks.chain(self._chain_id)
            if chain is None:
                return None
            position = self._position(tx, chain)
        self._remember(lead, position, chain.last_batch)
        return position

    def begin(self, genesis_hash: Hash32) -> Position:
        """Note the genesis of the chain that is followed from now on.

        Raises:
            GenesisChanged: another one was noted before.
            EscrowChanged: the events in the database are those of another escrow.
        """
        with self._store.transaction() as tx:
            self._hold_the_lead(tx)
            tx.blocks.begin(self._chain_id, genesis_hash, self._escrow)
            chain = tx.blocks.chain(self._chain_id)
            assert chain is not None, "it was noted in this transaction"
            if chain.genesis_hash != genesis_hash:
                raise GenesisChanged(self._chain_id, chain.genesis_hash, genesis_hash)
            self._check_escrow(chain)
            return self._position(tx, chain)

    def take(self, updates: Sequence[ChainUpdate]) -> None:
        """Believe these updates, all in one transaction.

        The same batch coming again right away changes nothing: whoever told it may not have heard that it was taken.

        Raises:
            ChainDisagrees: they do not fit each other or what was believed so far; nothing is written.
            LeadLost: another process leads by now; nothing is written.
        """
        if not updates:
            return
        # What fails may have been written all the same, so after a failure it is looked up.
        remembered, self._remembered = self._remembered, None
        recent, self._recent = self._recent, Recent()
        try:
            self._take(updates, remembered, recent)
        except PaymentsChanged:
            self._take(updates, remembered, Recent(), reads_all=True)

    def _take(
        self, updates: Sequence[ChainUpdate], remembered: _Remembered | None, recent: Recent, *, reads_all: bool = False
    ) -> None:
        """Take updates in one transaction, and remember what came of it; with `reads_all` nothing is taken for granted.

        Raises:
            PaymentsChanged: a payment is not as it was remembered or taken for granted; nothing is written.
        """
        name, lead = name_of(updates), self._lead()
        with self._store.transaction(in_bulk=count_logs(updates) >= IN_BULK) as tx:
            with tx.together():
                held = self._fence.hold_later(tx.leads) if self._fence is not None else _nobody
                locked = tx.blocks.chain_later(self._chain_id, lock=True)
                reading = self._ask(tx, updates, self._foresee(updates, recent, remembered))
            held()
            chain = locked()
            if chain is None:
                raise BlockDoesNotFit(f"chain {self._chain_id} is not followed yet")
            self._check_escrow(chain)
            if chain.last_batch == name:
                return
            is_known = remembered is not None and remembered.lead is lead and remembered.last_batch == chain.last_batch
            known = remembered.position.blocks if remembered is not None and is_known else self._blocks(tx)
            new = set() if reads_all or reading.any_waiting() else payments_funded(updates)
            belief = self._recall(tx, chain, updates, known, recent.payments(lead, chain.last_batch), new, reading)
            for update in updates:
                belief.take(update)
            self._write(tx, belief, updates, chain, name)
        final = belief.window.final
        reached = Position(chain.genesis_hash, tuple(belief.window.blocks), final.number if final else -1)
        self._remember(lead, reached, name)
        self._recent = recent.after(belief.changes.foreign, lead, name)
        self._foreseen.after(belief.changes.events.values(), reached.final_number)
        if belief.changes.notifications:
            self._announce()

    def _hold_the_lead(self, tx: Transaction) -> None:
        if self._fence is not None:
            self._fence.hold(tx.leads)

    def _lead(self) -> Lead | None:
        return self._fence.lead if self._fence is not None else None

    def _remember(self, lead: Lead | None, position: Position, last_batch: str | None) -> None:
        if lead is not None and lead is not Fence.NO_LEAD:
            self._remembered = _Remembered(lead, position, last_batch)

    def _foresee(
        self, updates: Sequence[ChainUpdate], recent: Recent, remembered: _Remembered | None
    ) -> Collection[Hash32]:
        """Return which payments will be touched; none where they are many, of which most need not be read."""
        if count_logs(updates) >= FEW:
            return ()
        known = recent.payments(remembered.lead, remembered.last_batch) if remembered is not None else ()
        foreseen = payments_told(updates).difference(known) | self._foreseen.up_to(highest_final(updates)[0])
        return foreseen if len(foreseen) < MANY else ()

    def _ask(self, tx: Transaction, updates: Sequence[ChainUpdate], foreseen: Collection[Hash32]) -> _Reading:
        """Ask for what can be asked for before anything else is known."""
        number, timestamp = highest_final(updates)
        # What is dropped in the same batch is not final, so where anything is, they are marked after that.
        waiting_for = tx.events.not_yet_final_later if blocks_orphaned(updates) else tx.events.settle_later
        return _Reading(
            waiting_for(self._chain_id, number) if number >= 0 else tuple,
            tx.payments.due_to_expire_later(self._chain_id, timestamp) if timestamp >= 0 else tuple,
            tx.untold.any_later(self._chain_id),
            # Few are read at once in any case.
            tx.payments.any_waiting_later(self._chain_id) if count_logs(updates) >= IN_BULK else lambda: True,
            foreseen,
            # Locked before what belongs to them is read: nobody adopts one of them in between.
            tx.payments.many_later(self._chain_id, foreseen, lock=True),
            tx.merchants.of_payments_later(self._chain_id, foreseen),
            tx.dismissals.of_payments_later(self._chain_id, foreseen),
        )

    def _recall(
        self,
        tx: Transaction,
        chain: ChainRow,
        updates: Sequence[ChainUpdate],
        accepted: Sequence[Block],
        recent: Mapping[Hash32, Foreign],
        new: Collection[Hash32],
        reading: _Reading,
    ) -> Belief:
        """Read all that the updates touch and that is not known: a fixed number of queries, however many they are.

        Those that are `new` nobody can have created: that one is there after all shows when it is added.
        """
        final_number, _ = highest_final(updates)
        dropped = blocks_orphaned(updates)
        waiting, expiring = reading.waiting(), reading.expiring()
        told = payments_told(updates)
        touched = {each.event.payment_id for each in tx.events.in_blocks(self._chain_id, dropped)}
        touched |= {each.event.payment_id for each in waiting}
        touched |= set(expiring)
        untold = self._untold(tx, chain, updates, touched | told) if reading.any_untold() else {}
        touched |= untold.keys()
        # Only of an event does it show that a payment is not as it was remembered; all others are read.
        wanted = touched.union(told.difference(recent, new))
        payments, merchants, dismissals = self._payments(tx, wanted.difference(reading.foreseen), reading)
        history = tx.events.canonical(self._chain_id, touched | told if dropped else untold)
        return Belief(
            self._chain_id,
            self._escrow,
            Window(accepted, chain.final, covered_up_to=final_number),
            payments,
            recent,
            history=history if dropped else None,
            waiting=waiting,
            expiring=expiring,
            dismissals=dismissals,
            herald=Herald(self._clock(), merchants, self._tokens, self._checkout_url),
            held=HeldBack(merchants, payments, untold, history),
        )

    def _payments(
        self, tx: Transaction, missing: Collection[Hash32], reading: _Reading
    ) -> tuple[dict[Hash32, Payment], dict[str, Merchant], Sequence[StoredDismissal]]:
        """Return what was read of payments, with their accounts and their merchants' dismissals, and read the rest."""
        payments, merchants, dismissals = reading.payments(), reading.merchants(), reading.dismissals()
        if not missing:
            return payments, merchants, dismissals
        others = tx.payments.many(self._chain_id, missing, lock=True)
        accounts = {each.account for each in others.values() if each.account is not None}
        with tx.together():
            asked = tx.merchants.many_later(accounts)
            dismissed = tx.dismissals.of_later(self._chain_id, _merchants(others.values()))
        return payments | others, merchants | asked(), [*dismissals, *dismissed()]

    def _untold(
        self, tx: Transaction, chain: ChainRow, updates: Sequence[ChainUpdate], touched: Collection[Hash32]
    ) -> dict[Hash32, list[Untold]]:
        """Read what was held back of the touched payments, and of those whose merchants may be told now."""
        final = max(chain.final.number if chain.final else -1, highest_final(updates)[0])
        due = tx.untold.due(self._chain_id, highest_accepted(updates), final)
        return tx.untold.of(self._chain_id, due.union(touched))

    def _write(
        self, tx: Transaction, belief: Belief, updates: Sequence[ChainUpdate], before: ChainRow, name: str
    ) -> None:
        changes = belief.changes
        tx.payments.save_foreign(changes.foreign.values())
        tx.payments.mark_expired(self._chain_id, changes.expired)
        # What was dropped and came back in the same batch is flagged first and canonical again after that.
        if changes.orphaned:
            tx.events.orphan(self._chain_id, blocks_orphaned(updates))
            for beside in (tx.side_events, tx.credits, tx.dismissals, tx.blocks):
                beside.orphan(self._chain_id, changes.orphaned)
        if belief.held.changed:
            tx.untold.replace(self._chain_id, belief.held.rows())
        tx.side_events.add(changes.side_events.values())
        tx.credits.add(changes.credits.values())
        tx.dismissals.add(changes.dismissals.values())
        written = (changes.payments, changes.events, changes.logs, changes.notifications)
        few = max(len(each) for each in written) < FEW
        with tx.together(commits=True) if few else nullcontext():
            self._write_what_is_told(tx, belief, updates, before, name)

    def _write_what_is_told(
        self, tx: Transaction, belief: Belief, updates: Sequence[ChainUpdate], before: ChainRow, name: str
    ) -> None:
        changes, window = belief.changes, belief.window
        tx.payments.save(changes.payments.values(), changes.payments)
        final_number = window.final.number if window.final else -1
        tx.events.add(self._chain_id, changes.events.values(), final_number)
        tx.events.add_logs(self._chain_id, changes.logs, final_number)
        accepted = {update.block.hash for update in updates if isinstance(update, BlockAccepted)}
        tx.blocks.add(
            self._chain_id,
            [StoredBlock(ref(each), each.parent_hash) for each in window.blocks if each.hash in accepted],
        )
        if window.final != before.final:
            if changes.orphaned:
                tx.events.mark_final(self._chain_id, final_number)
            tx.blocks.prune(self._chain_id, final_number)
        tx.outbox.add(changes.notifications)
        tx.blocks.set_position(self._chain_id, ref(window.head) if window.head else None, window.final, name)

    def _check_escrow(self, chain: ChainRow) -> None:
        if chain.escrow != self._escrow:
            raise EscrowChanged(self._chain_id, chain.escrow, self._escrow)

    def _position(self, tx: Transaction, chain: ChainRow) -> Position:
        final_number = chain.final.number if chain.final else -1
        return Position(chain.genesis_hash, tuple(self._blocks(tx)), final_number)

    def _blocks(self, tx: Transaction) -> list[Block]:
        return [
            Block(each.ref.number, each.ref.hash, each.parent_hash, each.ref.timestamp)
            for each in tx.blocks.accepted(self._chain_id)
        ]

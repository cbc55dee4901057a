"""What follows from chain updates, worked out in memory: nothing in here reads or writes a database. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from earnest.chain.updates import Block, BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate, EscrowLog
from earnest.mirror.errors import BlockDoesNotFit, TermsDoNotMatch
from earnest.mirror.held_back import HeldBack
from earnest.mirror.herald import Herald
from earnest.mirror.window import Window, ref
from earnest.payment.errors import SequenceGap
from earnest.payment.events import (
    CreditWithdrawn,
    DepositReturned,
    EventKind,
    ItemSkipped,
    OperatorDismissed,
    PaymentEvent,
    SideEvent,
)
from earnest.payment.foreign import Foreign
from earnest.payment.notifications import TYPE_OF_EVENT, NotificationType
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef, Payment
from earnest.payment.status import Status
from earnest.payment.terms import Terms, payment_id
from earnest.payment.transitions import apply, fold
from earnest.store.events import Told
from earnest.store.records import Notification, StoredCredit, StoredDismissal, StoredEvent, StoredSideEvent

T = TypeVar("T")

Place = tuple[Hash32, int]
"""A block's hash and a log's index in it: where a log stands, whatever reorgs come."""


@dataclass(slots=True)
class Changes:
    """What has to be written down, all of it or nothing."""

    payments: dict[Hash32, Payment] = field(default_factory=dict)
    """Those that somebody here created."""
    foreign: dict[Hash32, Foreign] = field(default_factory=dict)
    logs: list[Told] = field(default_factory=list)
    """Events that no update takes back, and of which there is nobody to be told; all others are `events`."""
    events: dict[Place, StoredEvent] = field(default_factory=dict)
    side_events: dict[Place, StoredSideEvent] = field(default_factory=dict)
    credits: dict[Place, StoredCredit] = field(default_factory=dict)
    dismissals: dict[Place, StoredDismissal] = field(default_factory=dict)
    orphaned: set[Hash32] = field(default_factory=set)
    expired: list[Hash32] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)


class Belief:
    """The part of the mirror that a batch touches, and how each update changes it.

    Args:
        window: the accepted blocks.
        payments: every payment that is touched, as far as it is known; those in `recent` only if a block that was
            accepted before is orphaned and tells of them.
        recent: foreign payments as they were left, to be changed in place.
        history: the canonical events of the touched payments; None where no update orphans a block.
        waiting: the canonical events that are not final yet, up to the highest block that the batch makes final, of
            payments that somebody here created.
        expiring: the ids of those that may have expired by then, of which nobody was told yet.
        dismissals: the canonical dismissals by the merchants of these payments.
        herald: who words the notifications.
        held: the events of which merchants were not told yet, and their rules.
    """

    def __init__(
        self,
        chain_id: int,
        escrow: Address,
        window: Window,
        payments: Mapping[Hash32, Payment],
        recent: Mapping[Hash32, Foreign],
        history: Mapping[Hash32, Iterable[StoredEvent]] | None,
        waiting: Iterable[StoredEvent],
        expiring: Iterable[Hash32],
        dismissals: Iterable[StoredDismissal],
        herald: Herald,
        held: HeldBack,
    ) -> None:
        self._chain_id, self._escrow, self._herald, self.held = chain_id, escrow, herald, held
        self.window = window
        self._payments, self._recent = dict(payments), recent
        self._may_take_back = history is not None
        self._history = {id_: list(events) for id_, events in (history or {}).items()}
        self._waiting, self._expiring = list(waiting), list(expiring)
        # In which blocks a merchant dismissed an operator: he may say it more than once.
        self._dismissals: dict[tuple[Address, Address], set[Hash32]] = {}
        for each in dismissals:
            self._dismissals.setdefault((each.merchant, each.operator), set()).add(each.block.hash)
        self.changes = Changes()

    def take(self, update: ChainUpdate) -> None:
        """Believe one update; raises `ChainDisagrees` (its leaves) if it does not fit."""
        match update:
            case BlockAccepted(block, logs):
                self._accept(block, logs)
            case BlocksOrphaned(blocks):
                self._orphan(blocks)
            case BlockFinal(block):
                self._settle(block)

    def _accept(self, block: Block, logs: tuple[EscrowLog, ...]) -> None:
        self.window.accept(block)
        where, last, timestamp = ref(block), -1, block.timestamp
        foreign, told, may_take_back = self.changes.foreign, self.changes.logs, self._may_take_back
        for log in logs:
            log_index, event = log.log_index, log.event
            if log_index <= last:
                raise BlockDoesNotFit(f"block {block.number} ({block.hash}): log {log_index} comes after {last}")
            last = log_index
            if not isinstance(event, PaymentEvent):
                self._take_side_event(where, log, event)
                continue
            payment = foreign.get(event.payment_id) or self._foreign(event)
            if payment is None:
                self._take_own_event(where, log, event)
                continue
            if event.funding is not None:
                _check_terms(event, payment.terms)
            payment.add(event, timestamp)
            payment.block = where
            if may_take_back:
                self._store(where, log, event)
            else:
                told.append((where, log.tx_hash, log_index, event))
        self._tell_what_is_due()

    def _foreign(self, event: PaymentEvent) -> Foreign | None:
        """Return a foreign payment by the first event here, as it was before that; None if it is somebody's own."""
        id_ = event.payment_id
        known = self._payments.get(id_)
        if known is None:
            foreign = self._recent.get(id_) or self._unknown(event)
        elif known.account is None:
            foreign = Foreign.stored(known)
        else:
            return None
        self.changes.foreign[id_] = foreign
        return foreign

    def _store(self, block: BlockRef, log: EscrowLog, event: PaymentEvent) -> StoredEvent:
        stored = StoredEvent(self._chain_id, block, log.tx_hash, log.log_index, event)
        self.changes.events[block.hash, log.log_index] = stored
        if self._may_take_back:
            self._history.setdefault(event.payment_id, []).append(stored)
        return stored

    def _take_own_event(self, block: BlockRef, log: EscrowLog, event: PaymentEvent) -> None:
        before = self._payments[event.payment_id]
        _check_terms(event, before.terms)
        after = before.after(apply(before.state, event, block.timestamp), block)
        stored = self._store(block, log, event)
        self._waiting.append(stored)
        if self.held.hold(before, stored):
            self._keep(after)
        else:
            self._tell(after, TYPE_OF_EVENT[event.kind], [stored])

    def _take_side_event(self, block: BlockRef, log: EscrowLog, event: SideEvent) -> None:
        at, place = (block.hash, log.log_index), (self._chain_id, block, log.tx_hash, log.log_index)
        match event:
            case CreditWithdrawn(account, token, amount):
                self.changes.credits[at] = StoredCredit(*place, account, token, amount)
            case OperatorDismissed(merchant, operator):
                self.changes.dismissals[at] = StoredDismissal(*place, merchant, operator)
                self._dismissals.setdefault((merchant, operator), set()).add(block.hash)
            case DepositReturned() | ItemSkipped():
                self.changes.side_events[at] = StoredSideEvent(*place, event)

    def _unknown(self, event: PaymentEvent) -> Foreign:
        """Return a payment that nobody here created, as it was before its funding."""
        if event.funding is None:
            raise SequenceGap(event.payment_id, 1, event.seq)
        terms = event.funding.terms
        if payment_id(terms, self._chain_id, self._escrow) != event.payment_id:
            raise TermsDoNotMatch(f"payment {event.payment_id}: the terms of its funding hash to another id")
        return Foreign(event.payment_id, self._chain_id, self._escrow, terms)

    def _orphan(self, blocks: tuple[Block, ...]) -> None:
        self.window.drop(blocks)
        dropped = {block.hash for block in blocks}
        self.changes.orphaned |= dropped
        self._waiting = [each for each in self._waiting if each.block.hash not in dropped]
        self.changes.side_events = _outside(dropped, self.changes.side_events)
        self.changes.credits = _outside(dropped, self.changes.credits)
        self.changes.dismissals = _outside(dropped, self.changes.dismissals)
        for blocks_of in self._dismissals.values():
            blocks_of.difference_update(dropped)
        for at, each in self.changes.events.items():
            if at[0] in dropped:
                self.changes.events[at] = replace(each, orphaned=True)
        lost = {id_: [each for each in told if each.block.hash in dropped] for id_, told in self._history.items()}
        for id_, gone in sorted(lost.items(), key=_place_of_first):
            if gone:
                self._take_back(id_, gone)

    def _take_back(self, id_: Hash32, lost: list[StoredEvent]) -> None:
        kept = [each for each in self._history[id_] if each not in lost]
        self._history[id_] = kept
        state = fold((each.event, each.block.timestamp) for each in kept)
        block = kept[-1].block if kept else None
        foreign = self.changes.foreign.get(id_)
        if foreign is not None:
            self.changes.foreign[id_] = foreign.after(state, block)
            return
        payment = self._payments[id_].after(state, block)
        if payment.account is None:
            self.changes.foreign[id_] = Foreign.stored(payment)
            return
        if told := self.held.drop(id_, lost):
            self._tell(payment, NotificationType.REORGED, told)
        else:
            self._keep(payment)
        # Whoever was paid was not told that he expired; now that may be to come.
        if state.status is Status.CREATED and id_ not in self._expiring:
            self._expiring.append(id_)

    def _settle(self, block: Block) -> None:
        if not self.window.settle(block):
            return
        reached = [each for each in self._waiting if each.block.number <= block.number]
        self._waiting = self._waiting[len(reached) :]
        for each in reached:
            if each.event.payment_id in self.held.payments:
                self._tell_of(self.held.up_to(each))
            payment = self._payments[each.event.payment_id]
            if changes_status(each.event):
                self._tell(payment, NotificationType.FINALIZED, [each])
        self._tell_what_is_due()
        for id_ in list(self._expiring):
            payment = self._payments[id_]
            if payment.state.status is Status.CREATED and payment.terms.pay_by <= block.timestamp:
                self._expiring.remove(id_)
                self.changes.expired.append(id_)
                self._tell(payment, NotificationType.EXPIRED, [])

    def _tell_what_is_due(self) -> None:
        """Tell of the events that were held back for as long as their merchants wish."""
        if self.held.payments:
            head, final = self.window.head, self.window.final
            self._tell_of(self.held.due(head.number if head else -1, final.number if final else -1))

    def _tell_of(self, released: Iterable[StoredEvent]) -> None:
        for each in released:
            self._tell(self._payments[each.event.payment_id], TYPE_OF_EVENT[each.event.kind], [each])

    def _tell(self, payment: Payment, type_: NotificationType, events: list[StoredEvent]) -> None:
        """Keep a changed payment and tell its merchant."""
        dismissed = bool(self._dismissals.get((payment.terms.merchant, payment.terms.operator)))
        payment = payment.told(operator_dismissed=dismissed)
        shown = self.held.as_told(payment) if self.held.payments else payment
        self.changes.notifications.append(self._herald.tell(shown, type_, events, self.window.view))
        self._keep(payment)

    def _keep(self, payment: Payment) -> None:
        self._payments[payment.id] = self.changes.payments[payment.id] = payment


def _check_terms(event: PaymentEvent, terms: Terms) -> None:
    funding = event.funding
    if funding is not None and funding.terms is not terms != funding.terms:
        raise TermsDoNotMatch(f"payment {event.payment_id}: the funding tells other terms than were hashed")


def _place_of_first(of_payment: tuple[Hash32, list[StoredEvent]]) -> tuple[int, int]:
    return min(((each.block.number, each.log_index) for each in of_payment[1]), default=(0, 0))


def _outside(dropped: set[Hash32], logs: dict[Place, T]) -> dict[Place, T]:
    return {at: each for at, each in logs.items() if at[0] not in dropped}


def changes_status(event: PaymentEvent) -> bool:
    """Return whether an event led to another status; a part that is released, refunded or repaid leaves it."""
    match event.kind:
        case EventKind.PAYMENT_RELEASED:
            return event.status is Status.RELEASED
        case EventKind.PAYMENT_REFUNDED:
            return event.status is Status.REFUNDED
        case EventKind.PAYMENT_REPAID:
            return event.status is Status.REPAID
        case _:
            return True

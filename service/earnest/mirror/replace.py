"""Puts a replay in the mirror's place, all in the caller's transaction, and tells whoever is concerned, once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from earnest.mirror.compare import Change, compare_payments, compare_rows
from earnest.mirror.herald import Herald
from earnest.mirror.retelling import Retelling
from earnest.payment.events import Credited, EventKind
from earnest.payment.notifications import NotificationType
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import ChainView, Payment
from earnest.payment.status import Status
from earnest.store import Transaction
from earnest.store.chain_facts import (
    BLOCKS,
    DISMISSALS,
    EVENTS,
    PAYMENTS,
    SIDE_EVENTS,
    WITHDRAWALS,
    Facts,
    FactTable,
    Key,
)
from earnest.store.records import StoredEvent

Heralds = Callable[[Transaction, Iterable[Payment]], Herald]
"""Makes a herald who knows these payments' merchants."""


@dataclass
class Replaced:
    """What a swap did: rows written by table, payments told of, foreign payments gone."""

    rows: Counter[str] = field(default_factory=Counter)
    told: list[Hash32] = field(default_factory=list)
    gone: list[Hash32] = field(default_factory=list)


class Replacement:
    """One swap.

    Args:
        mirror: the transaction that writes.
        replay: what the chain says.
        heralds: who words the notifications.
        step: called now and then; what it raises undoes everything.
    """

    def __init__(
        self,
        mirror: Transaction,
        replay: Transaction,
        chain_id: int,
        escrow: Address,
        heralds: Heralds,
        step: Callable[[str], None],
    ) -> None:
        self._mirror, self._replay = mirror, replay
        self._chain_id, self._escrow = chain_id, escrow
        self._heralds, self._step = heralds, step
        self.done = Replaced()

    def run(self) -> Replaced:
        """Replace every row that differs, and the position last."""
        # Before the payments: whether an operator is dismissed stands in what their merchants are told.
        for kind in (DISMISSALS, SIDE_EVENTS, WITHDRAWALS, BLOCKS):
            self._replace_rows(kind)
        self._raise_versions()
        cursor = self._replay.swap.cursor(self._chain_id)
        self._mirror.swap.set_cursor(self._chain_id, cursor)
        view = self._mirror.blocks.view(self._chain_id)
        for changes in compare_payments(self._mirror, self._replay, self._chain_id, self._escrow):
            if changes:
                self._step(PAYMENTS.name)
                self._replace_payments(changes, view)
        self._mirror.swap.remove(EVENTS, self._chain_id, self._mirror.facts.stray_events(self._chain_id))
        self._replace_rows(EVENTS)
        self._mirror.swap.remove_foreign(self._chain_id, self.done.gone)
        self._mirror.reconciliations.forget(self._chain_id)
        self._step("position")
        return self.done

    def _replace_rows(self, kind: FactTable) -> None:
        for changes in compare_rows(self._mirror, self._replay, kind, self._chain_id):
            if not changes:
                continue
            self._step(kind.name)
            lost = [each.key for each in changes if each.chain is None]
            if kind is EVENTS:
                lost = self._without_unreadable(changes, lost)
            self._mirror.swap.orphan(kind, self._chain_id, lost)
            self._put(kind, [each.key for each in changes if each.chain is not None])
            self.done.rows[kind.name] += len(changes)

    def _without_unreadable(self, changes: list[Change], lost: list[Key]) -> list[Key]:
        """Delete those that no timeline could show, and return the others, which stay as orphaned."""
        readable = {each.key for each in changes if each.mirror is not None and _is_readable(each.mirror)}
        self._mirror.swap.remove(EVENTS, self._chain_id, [key for key in lost if key not in readable])
        return [key for key in lost if key in readable]

    def _put(self, kind: FactTable, keys: list[Key]) -> None:
        self._mirror.swap.put(kind, self._replay.facts.rows(kind, self._chain_id, keys))

    def _raise_versions(self) -> None:
        behind = self._mirror.facts.told_further(self._chain_id)
        self._mirror.swap.set_versions(self._chain_id, {id_: told for id_, (_, told) in behind.items()})

    def _replace_payments(self, changes: list[Change], view: ChainView | None) -> None:
        ids = [Hash32(each.key[0]) for each in changes]
        accounts = self._mirror.facts.accounts(self._chain_id, ids)
        on_chain = {
            Hash32(key[0]) for key in self._replay.facts.lookup(PAYMENTS, self._chain_id, [(id_,) for id_ in ids])
        }
        lost = self._lost_events([id_ for id_ in ids if accounts.get(id_)])
        self._put(PAYMENTS, [(id_,) for id_ in ids if id_ in on_chain])
        self._mirror.swap.take_back(self._chain_id, self._escrow, [id_ for id_ in ids if id_ not in on_chain])
        self.done.gone += [id_ for id_ in ids if id_ not in on_chain and accounts.get(id_) is None]
        before = {Hash32(each.key[0]): each for each in changes if each.mirror is not None}
        self._tell({id_: before[id_] for id_ in ids if accounts.get(id_)}, lost, view)
        self.done.rows[PAYMENTS.name] += len(changes)

    def _lost_events(self, ids: list[Hash32]) -> dict[Hash32, list[StoredEvent]]:
        """Return the events that the mirror believed in and the chain does not have, as far as they can be read."""
        mine = self._mirror.facts.events_of(self._chain_id, ids)
        told = self._replay.facts.lookup(EVENTS, self._chain_id, [key for each in mine.values() for key, _ in each])
        lost = {id_: {key for key, facts in each if told.get(key) != facts} for id_, each in mine.items()}
        readable = [id_ for id_, each in mine.items() if lost[id_] and all(_is_readable(facts) for _, facts in each)]
        stored = self._mirror.events.canonical(self._chain_id, readable) if readable else {}
        return {id_: [each for each in events if _key(each) in lost[id_]] for id_, events in stored.items()}

    def _tell(
        self, changed: Mapping[Hash32, Change], lost: Mapping[Hash32, list[StoredEvent]], view: ChainView | None
    ) -> None:
        payments = self._mirror.payments.many(self._chain_id, changed)
        herald = self._heralds(self._mirror, payments.values())
        late = Retelling(self._mirror, self._replay, self._chain_id, view).of(payments, herald.merchants)
        concerned = [id_ for id_ in payments if id_ not in late or late[id_].is_news]
        after = {id_: replace(payments[id_], version=payments[id_].version + 1) for id_ in concerned}
        notifications = []
        for id_, payment in after.items():
            shown, previous, gone = payment, _previous(changed[id_]), lost.get(id_, [])
            if id_ in late:
                shown = replace(late[id_].payment, version=payment.version)
                previous = late[id_].previous or previous
                gone = [each for each in gone if each.event.seq < late[id_].first_untold]
            told = herald.tell(shown, NotificationType.REORGED, gone, view)
            payload = {"previous": previous, **told.payload}
            notifications.append(replace(told, payload=payload))
        self._mirror.swap.set_versions(self._chain_id, {id_: each.version for id_, each in after.items()})
        self._mirror.outbox.add(notifications)
        self.done.told += after


def _previous(change: Change) -> dict[str, Any]:
    """Return what the mirror believed before, as it stood there: it may be something that no chain ever told."""
    assert change.mirror is not None, "a payment of a merchant's is never missing in the mirror"
    facts = dict(zip(PAYMENTS.facts, change.mirror, strict=True))
    block = {"number": facts["block_number"], "hash": facts["block_hash"]} if facts["block_hash"] else None
    return {**{name: facts[name] for name in _SHOWN}, "block": block}


_SHOWN: Final = ("status", "held", "to_merchant", "to_fee_recipient", "to_buyer", "repaid")


def _is_readable(facts: Facts) -> bool:
    """Return whether an event's row is one that a timeline can show."""
    named = dict(zip(EVENTS.facts, facts, strict=True))
    try:
        Status(str(named["status"]))
        is_funding = EventKind(str(named["kind"])) is EventKind.PAYMENT_FUNDED
        Credited(int(named["credited"] or ""))
        for name in _NUMBERS:
            int(named[name] or "")
    except ValueError:
        return False
    return is_funding is (named["funding_payer"] is not None)


_NUMBERS: Final = (
    *("block_number", "block_timestamp", "seq", "held"),
    *("moved_to_merchant", "moved_to_fee_recipient", "moved_to_buyer"),
)


def _key(stored: StoredEvent) -> Key:
    return (stored.block.number, stored.log_index, stored.block.hash)

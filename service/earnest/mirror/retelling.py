"""What a rebuild may tell merchants who are told late: of what they know, and never of what is held back from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from earnest.mirror.held_back import due_head
from earnest.payment.errors import ChainDisagrees
from earnest.payment.primitives import Hash32
from earnest.payment.record import ChainView, Payment
from earnest.payment.transitions import PaymentState, fold
from earnest.store import Transaction
from earnest.store.chain_facts import EVENTS, Facts, Key
from earnest.store.records import Merchant, StoredEvent, Untold

Row = tuple[Key, Facts]


@dataclass(frozen=True, slots=True)
class Retold:
    """One payment of which something is, or was, held back.

    Args:
        payment: as its merchant may see it from now on.
        previous: as he knew it, None if what was there cannot be read.
        first_untold: the `seq` from which on he had not been told of events.
        is_news: whether what he knows has changed.
    """

    payment: Payment
    previous: dict[str, Any] | None
    first_untold: int
    is_news: bool


class Retelling:
    """Finds out what merchants know, and sets anew what is held back from them.

    Asked after a replay's payments and position were put into the mirror, and before its events were.
    """

    def __init__(self, mirror: Transaction, replay: Transaction, chain_id: int, view: ChainView | None) -> None:
        self._mirror, self._replay, self._chain_id, self._view = mirror, replay, chain_id, view

    def of(self, payments: Mapping[Hash32, Payment], merchants: Mapping[str, Merchant]) -> dict[Hash32, Retold]:
        """Return those of these changed payments of which something is, or was, held back; hold back what must be."""
        untold = self._mirror.untold.of(self._chain_id, payments)
        late = [
            id_
            for id_, each in payments.items()
            if id_ in untold or (each.account and merchants[each.account].tell.steps)
        ]
        if not late:
            return {}
        mine = self._mirror.facts.events_of(self._chain_id, late)
        theirs = self._replay.facts.events_of(self._chain_id, late)
        events = self._replay.events.canonical(self._chain_id, late)
        retold: dict[Hash32, Retold] = {}
        holding: dict[Hash32, list[Untold]] = {}
        for id_ in late:
            payment = payments[id_]
            merchant = merchants[str(payment.account)]
            first = untold[id_][0].seq if id_ in untold else payment.state.seq + len(mine[id_]) + 1
            told = [each for each in mine[id_] if _seq(each) < first]
            waiting = {key for key, _ in mine[id_]} - {key for key, _ in told}
            count = self._count_told(theirs[id_], events[id_], told, waiting, merchant, payment)
            holding[id_] = _hold(events[id_][count:], merchant, payment)
            if id_ not in untold and not holding[id_]:
                continue
            known = [_without_final(each) for each in told]
            retold[id_] = Retold(
                _as_of(payment, events[id_][:count]),
                self._previous(id_, first),
                first,
                is_news=known != [_without_final(each) for each in theirs[id_][:count]],
            )
        self._mirror.untold.replace(self._chain_id, holding)
        return retold

    def _count_told(
        self,
        theirs: Sequence[Row],
        events: Sequence[StoredEvent],
        told: Sequence[Row],
        waiting: set[Key],
        merchant: Merchant,
        payment: Payment,
    ) -> int:
        """Return how many of the chain's events the merchant knows of, or may hear of in passing.

        What waited and is still there is left to the follower, which tells of it in its turn.
        """
        known = {key for key, _ in told}
        count = max((place + 1 for place, (key, _) in enumerate(theirs) if key in known), default=0)
        while (
            count < len(events) and theirs[count][0] not in waiting and self._is_due(events[count], merchant, payment)
        ):
            count += 1
        return count

    def _is_due(self, event: StoredEvent, merchant: Merchant, payment: Payment) -> bool:
        due = due_head(merchant, payment.terms, event.block.number)
        assert self._view is not None, "events stand in blocks"
        return event.block.number <= self._view.final.number or (due is not None and due <= self._view.head.number)

    def _previous(self, id_: Hash32, first_untold: int) -> dict[str, Any] | None:
        try:
            events = self._mirror.events.canonical(self._chain_id, [id_])[id_]
            known = [each for each in events if each.event.seq < first_untold]
            state = fold((each.event, each.block.timestamp) for each in known)
        except (ValueError, TypeError, ChainDisagrees):
            return None
        block = {"number": str(known[-1].block.number), "hash": known[-1].block.hash} if known else None
        return {**_shown(state), "block": block}


def _as_of(payment: Payment, told: Sequence[StoredEvent]) -> Payment:
    state = fold((each.event, each.block.timestamp) for each in told)
    return payment.after(state, told[-1].block if told else None)


def _hold(events: Sequence[StoredEvent], merchant: Merchant, payment: Payment) -> list[Untold]:
    rows: list[Untold] = []
    for each in events:
        due = due_head(merchant, payment.terms, each.block.number)
        if rows:
            earlier = rows[-1].due_head
            due = None if due is None or earlier is None else max(due, earlier)
        rows.append(Untold(each.chain_id, payment.id, each.event.seq, each.block.number, due))
    return rows


def _shown(state: PaymentState) -> dict[str, str]:
    sums = {"held": state.held, "to_merchant": state.to_merchant, "to_fee_recipient": state.to_fee_recipient}
    sums |= {"to_buyer": state.to_buyer, "repaid": state.repaid}
    return {"status": str(state.status), **{name: str(sum_) for name, sum_ in sums.items()}}


def _seq(row: Row) -> int:
    """Return the event's number; a row without one that could be read counts as told."""
    try:
        return int(EVENTS.fact(row[1], "seq") or "")
    except ValueError:
        return 0


def _without_final(row: Row) -> tuple[Key, tuple[str | None, ...]]:
    key, facts = row
    return key, tuple(fact for name, fact in zip(EVENTS.facts, facts, strict=True) if name != "final")

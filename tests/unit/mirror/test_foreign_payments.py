"""Foreign payments, whose events of a batch are folded in one go: only the end is written, and every rule holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from earnest.chain.updates import BlockAccepted, ChainUpdate
from earnest.mirror import ChainMirror
from earnest.mirror.errors import TermsDoNotMatch
from earnest.payment.errors import ForbiddenTransition, SequenceGap
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.store import Store
from tests.support.ledger import CHAIN_ID, FakeChain, make_payment
from tests.support.stores import stored, told

FOREIGN, ANOTHER = make_payment(1, account=None), make_payment(2, account=None)
FUNDED, DELIVERED, RELEASED, DISPUTED, REFUNDED = (
    EventKind.PAYMENT_FUNDED,
    EventKind.DELIVERY_CONFIRMED,
    EventKind.PAYMENT_RELEASED,
    EventKind.PAYMENT_DISPUTED,
    EventKind.PAYMENT_REFUNDED,
)


def mined(chain: FakeChain, payment: Payment, *kinds: EventKind) -> list[ChainUpdate]:
    return [chain.mine(chain.next(payment, kind)) for kind in kinds]


def assert_mirrored(store: Store, chain: FakeChain, payment: Payment) -> None:
    now = stored(store, payment)
    accepted = [
        each
        for each in chain.blocks
        if any(isinstance(log.event, PaymentEvent) and log.event.payment_id == payment.id for log in each.logs)
    ]
    assert (now.state, now.version) == (chain.state(payment), 0)
    assert (now.block.hash if now.block else None) == (accepted[-1].block.hash if accepted else None)
    with store.read() as tx:
        events = tx.events.canonical(CHAIN_ID, [payment.id])[payment.id]
    assert [each.block.hash for each in events] == [each.block.hash for each in accepted]
    assert [each.final for each in events] == [each.block.number <= chain.final for each in events]
    assert told(store) == []


def test_a_life_in_one_batch_is_what_its_events_add_up_to(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    one = mined(chain, FOREIGN, FUNDED, DELIVERED)
    other = mined(chain, ANOTHER, FUNDED)
    final = chain.finalize()
    mirror.take([*one, *other, final, *mined(chain, FOREIGN, DISPUTED, REFUNDED)])
    assert_mirrored(memory_store, chain, FOREIGN)
    assert_mirrored(memory_store, chain, ANOTHER)
    assert stored(memory_store, FOREIGN).state.status is Status.REFUNDED


def test_it_goes_on_from_what_an_earlier_batch_left(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    mirror.take(mined(chain, FOREIGN, FUNDED))
    mirror.take(mined(chain, FOREIGN, DELIVERED, RELEASED))
    assert_mirrored(memory_store, chain, FOREIGN)


def test_dropped_in_the_middle_of_a_batch_and_gone_on_with(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    before = mined(chain, FOREIGN, FUNDED, DELIVERED)
    orphaned, _ = chain.drop(1)
    mirror.take([*before, orphaned, *mined(chain, FOREIGN, REFUNDED)])
    assert_mirrored(memory_store, chain, FOREIGN)


def test_dropped_and_put_back_within_one_batch(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    before = mined(chain, FOREIGN, FUNDED, DELIVERED)
    orphaned, dropped = chain.drop(2)
    mirror.take([*before, orphaned, *chain.put_back(dropped), *mined(chain, FOREIGN, RELEASED)])
    assert_mirrored(memory_store, chain, FOREIGN)


def _again(event: PaymentEvent) -> PaymentEvent:
    return replace(event, seq=event.seq - 1)


def _never(event: PaymentEvent) -> PaymentEvent:
    return replace(event, kind=EventKind.DISPUTE_RESOLVED)


def _one_unit_more(event: PaymentEvent) -> PaymentEvent:
    return replace(event, held=event.held + 1)


@pytest.mark.parametrize(
    ("change", "error"),
    [(_again, SequenceGap), (_never, ForbiddenTransition), (_one_unit_more, ForbiddenTransition)],
)
def test_one_event_that_breaks_a_rule_keeps_the_whole_batch_out(
    mirror: ChainMirror,
    memory_store: Store,
    chain: FakeChain,
    change: Callable[[PaymentEvent], PaymentEvent],
    error: type[Exception],
) -> None:
    mirror.take(mined(chain, FOREIGN, FUNDED))
    before = stored(memory_store, FOREIGN)
    wrong = chain.mine(change(chain.next(FOREIGN, DELIVERED)))
    with pytest.raises(error):
        mirror.take([wrong, BlockAccepted(replace(wrong.block, number=wrong.block.number + 1))])
    assert stored(memory_store, FOREIGN) == before
    with memory_store.read() as tx:
        assert len(tx.events.timeline(CHAIN_ID, FOREIGN.id)) == 1


def test_a_funding_of_other_terms_after_one_that_was_taken_back_is_refused(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    mirror.take(mined(chain, FOREIGN, FUNDED))
    orphaned, dropped = chain.drop(1)
    mirror.take([orphaned, chain.mine()])
    event = dropped[0].logs[0].event
    assert isinstance(event, PaymentEvent)
    assert event.funding is not None
    # The books would be right: only the comparison tells.
    terms = replace(event.funding.terms, pay_by=FOREIGN.terms.pay_by + 1)
    with pytest.raises(TermsDoNotMatch):
        mirror.take([chain.mine(replace(event, funding=replace(event.funding, terms=terms)))])
    assert stored(memory_store, FOREIGN).terms == FOREIGN.terms

"""What the mirror does not believe; in every case nothing of the batch is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from earnest.chain.updates import Block, BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate
from earnest.mirror import ChainMirror
from earnest.mirror.errors import BlockDoesNotFit, FinalBlockDropped, TermsDoNotMatch
from earnest.payment.errors import ChainDisagrees, ForbiddenTransition, SequenceGap
from earnest.payment.events import EventKind, PaymentEvent
from earnest.store import Store
from tests.support.ledger import CHAIN_ID, ESCROW, FakeChain, digest, make_payment, make_terms
from tests.support.stores import create, stored, told

Bad = Callable[[FakeChain], list[ChainUpdate]]


def _wrong_parent(chain: FakeChain) -> list[ChainUpdate]:
    accepted = chain.mine()
    return [replace(accepted, block=replace(accepted.block, parent_hash=digest("elsewhere")))]


def _gap_that_is_not_final(chain: FakeChain) -> list[ChainUpdate]:
    return [chain.mine(gap=3)]


def _gap_above_what_becomes_final(chain: FakeChain) -> list[ChainUpdate]:
    first = chain.mine()
    final = chain.finalize()
    return [first, chain.mine(gap=3), final]


def _same_height_again(chain: FakeChain) -> list[ChainUpdate]:
    chain.blocks.pop()
    return [chain.mine()]


def _head_again(chain: FakeChain) -> list[ChainUpdate]:
    return [BlockAccepted(chain.head)]


def _orphan_of_what_is_not_the_head(chain: FakeChain) -> list[ChainUpdate]:
    return [BlocksOrphaned((chain.blocks[-2].block,))]


def _orphans_oldest_first(chain: FakeChain) -> list[ChainUpdate]:
    return [BlocksOrphaned((chain.blocks[-2].block, chain.blocks[-1].block))]


def _final_that_was_not_accepted(chain: FakeChain) -> list[ChainUpdate]:
    head = chain.head
    return [BlockFinal(Block(head.number, digest("another"), head.parent_hash, head.timestamp))]


def _logs_out_of_order(chain: FakeChain) -> list[ChainUpdate]:
    accepted = chain.mine(chain.next(make_payment(), EventKind.PAYMENT_FUNDED))
    return [replace(accepted, logs=(accepted.logs[0], accepted.logs[0]))]


DOES_NOT_FIT: list[Bad] = [
    _wrong_parent,
    _gap_that_is_not_final,
    _gap_above_what_becomes_final,
    _same_height_again,
    _head_again,
    _orphan_of_what_is_not_the_head,
    _orphans_oldest_first,
    _final_that_was_not_accepted,
    _logs_out_of_order,
]


@pytest.mark.parametrize("bad", DOES_NOT_FIT, ids=lambda bad: bad.__name__.strip("_"))
def test_updates_that_do_not_fit_are_refused_whole(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain, bad: Bad
) -> None:
    payment = create(memory_store, make_payment(7))
    mirror.take(chain.mine_empty(4))
    good = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    before = mirror.position()
    with pytest.raises(BlockDoesNotFit) as refusal:
        mirror.take([good, *bad(chain)])
    assert refusal.value.retryable
    assert isinstance(refusal.value, ChainDisagrees)
    assert mirror.position() == before
    assert stored(memory_store, payment) == payment
    assert told(memory_store) == []


def test_blocks_without_logs_may_be_left_out_below_what_becomes_final(mirror: ChainMirror, chain: FakeChain) -> None:
    mirror.take([chain.mine(), chain.mine(gap=100), chain.mine(gap=7), chain.finalize()])
    mirror.take([chain.mine(gap=5), chain.mine(), chain.finalize(), chain.mine()])
    position = mirror.position()
    assert position is not None
    assert position.head == chain.head
    assert position.final_number == chain.head.number - 1


def test_nothing_is_believed_before_the_chain_is_begun(memory_store: Store, chain: FakeChain) -> None:
    mirror = ChainMirror(memory_store, CHAIN_ID, ESCROW, tokens=lambda _: None, clock=lambda: 0)
    with pytest.raises(BlockDoesNotFit, match="not followed yet"):
        mirror.take([chain.mine()])


def test_another_block_of_a_final_height_is_refused(mirror: ChainMirror, chain: FakeChain) -> None:
    mirror.take([chain.mine(), chain.finalize()])
    with pytest.raises(FinalBlockDropped):
        mirror.take([BlockFinal(replace(chain.head, hash=digest("another")))])


def test_a_block_that_is_final_already_is_no_news(mirror: ChainMirror, chain: FakeChain) -> None:
    mirror.take([*chain.mine_empty(3), chain.finalize()])
    before = mirror.position()
    mirror.take([BlockFinal(chain.blocks[0].block)])
    assert mirror.position() == before


def test_a_missing_event_is_noticed_by_its_number(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    payment = create(memory_store, make_payment())
    chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    missed = chain.mine(chain.next(payment, EventKind.DELIVERY_CONFIRMED))
    told_later = chain.mine(chain.next(payment, EventKind.PAYMENT_DISPUTED))
    mirror.take([chain.blocks[0]])
    with pytest.raises(SequenceGap) as gap:
        mirror.take([replace(missed, logs=()), told_later])
    assert (gap.value.expected, gap.value.got) == (2, 3)
    assert stored(memory_store, payment).state.seq == 1
    mirror.take([missed, told_later])
    assert stored(memory_store, payment).state == chain.state(payment)


def test_an_event_of_an_unknown_payment_must_be_its_funding(mirror: ChainMirror, chain: FakeChain) -> None:
    payment = make_payment(account=None)
    chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    delivered = chain.mine(chain.next(payment, EventKind.DELIVERY_CONFIRMED))
    with pytest.raises(SequenceGap):
        mirror.take([delivered])


def test_an_event_twice_is_noticed_by_its_number(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    payment = create(memory_store, make_payment())
    funded = chain.next(payment, EventKind.PAYMENT_FUNDED)
    mirror.take([chain.mine(funded)])
    with pytest.raises(SequenceGap):
        mirror.take([chain.mine(funded)])


def test_a_transition_that_no_verb_makes_is_refused(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    resolved = replace(chain.next(payment, EventKind.DELIVERY_CONFIRMED), kind=EventKind.DISPUTE_RESOLVED)
    with pytest.raises(ForbiddenTransition):
        mirror.take([chain.mine(resolved)])


@pytest.mark.parametrize("known", [True, False])
def test_terms_must_hash_to_the_id(mirror: ChainMirror, memory_store: Store, chain: FakeChain, known: bool) -> None:
    payment = make_payment()
    if known:
        create(memory_store, payment)
    event: PaymentEvent = chain.next(payment, EventKind.PAYMENT_FUNDED)
    assert event.funding is not None
    forged = replace(event, funding=replace(event.funding, terms=make_terms(1, fee_bps=9_000)))
    with pytest.raises(TermsDoNotMatch):
        mirror.take([chain.mine(forged)])

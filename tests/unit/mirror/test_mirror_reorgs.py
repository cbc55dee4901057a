"""What the mirror makes of blocks that the chain drops, and of updates that come twice."""

from __future__ import annotations

import pytest

from earnest.chain.updates import ChainUpdate
from earnest.mirror import ChainMirror
from earnest.mirror.errors import FinalBlockDropped
from earnest.payment.events import EventKind
from earnest.payment.status import Status
from earnest.payment.terms import HOUR
from earnest.store import Store
from tests.support.ledger import CHAIN_ID, FakeChain, make_payment
from tests.support.stores import create, stored, told, types


def test_a_reorg_takes_the_status_back_and_says_so(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    payment = create(memory_store, make_payment())
    funded = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    mirror.take([funded])
    mirror.take([chain.mine(chain.next(payment, EventKind.DELIVERY_CONFIRMED))])
    mirror.take([chain.drop(1)[0], chain.mine()])
    now = stored(memory_store, payment)
    assert (now.state.status, now.version) == (Status.FUNDED, 3)
    assert now.block is not None
    assert now.block.hash == funded.block.hash
    last = told(memory_store)[-1]
    assert last.type == "payment.reorged"
    assert last.payload["data"]["status"] == "funded"
    assert [each["name"] for each in last.payload["events"]] == ["DeliveryConfirmed"]


def test_a_funding_taken_back_leaves_the_payment_created(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(), chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    mirror.take([chain.drop(1)[0]])
    now = stored(memory_store, payment)
    assert (now.state, now.block, now.version) == (payment.state, None, 2)
    data = told(memory_store)[-1].payload["data"]
    assert (data["status"], data["finality"], data["block"]) == ("created", None, None)


def test_several_events_of_one_payment_taken_back_together_are_told_once(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    mirror.take([chain.mine(chain.next(payment, EventKind.DELIVERY_CONFIRMED))])
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_RELEASED))])
    mirror.take([chain.drop(2)[0]])
    assert types(told(memory_store)) == ["funded", "delivered", "released", "reorged"]
    assert [each["seq"] for each in told(memory_store)[-1].payload["events"]] == [2, 3]


def test_an_orphaned_event_stays_in_the_timeline_and_counts_no_more(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    first = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    mirror.take([first])
    orphaned = chain.drop(1)[0]
    second = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    mirror.take([orphaned, second])
    with memory_store.read() as tx:
        timeline = {each.block.hash: each.orphaned for each in tx.events.timeline(CHAIN_ID, payment.id)}
        canonical = tx.events.canonical(CHAIN_ID, [payment.id])[payment.id]
    assert timeline == {first.block.hash: True, second.block.hash: False}
    assert [each.block.hash for each in canonical] == [second.block.hash]
    assert types(told(memory_store)) == ["funded", "reorged", "funded"]
    assert len({each.id for each in told(memory_store)}) == 3


def test_the_same_block_coming_back_makes_its_events_canonical_again(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    accepted = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    mirror.take([accepted])
    straight = stored(memory_store, payment)
    mirror.take([chain.drop(1)[0], chain.mine()])
    away, _ = chain.drop(1)
    mirror.take([away, *chain.put_back([accepted])])
    again = stored(memory_store, payment)
    assert (again.state, again.block) == (straight.state, straight.block)
    with memory_store.read() as tx:
        assert [each.orphaned for each in tx.events.timeline(CHAIN_ID, payment.id)] == [False]


@pytest.mark.parametrize("last", [EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED])
def test_dropped_and_back_within_one_batch(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain, last: EventKind
) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    if last is not EventKind.PAYMENT_FUNDED:
        mirror.take([chain.mine(chain.next(payment, last))])
    orphaned, dropped = chain.drop(1)
    mirror.take([orphaned, *chain.put_back(dropped)])
    assert stored(memory_store, payment).state == chain.state(payment)
    with memory_store.read() as tx:
        assert not any(each.orphaned for each in tx.events.timeline(CHAIN_ID, payment.id))
    position = mirror.position()
    assert position is not None
    assert position.head == chain.head


def test_accepted_and_dropped_within_one_batch(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    payment = create(memory_store, make_payment())
    accepted = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    orphaned, _ = chain.drop(1)
    mirror.take([accepted, orphaned, chain.mine()])
    assert stored(memory_store, payment).state == payment.state
    with memory_store.read() as tx:
        assert [each.orphaned for each in tx.events.timeline(CHAIN_ID, payment.id)] == [True]
    assert types(told(memory_store)) == ["funded", "reorged"]


def test_a_foreign_payment_taken_back_is_told_to_nobody(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    foreign = make_payment(account=None)
    mirror.take([chain.mine(chain.next(foreign, EventKind.PAYMENT_FUNDED))])
    mirror.take([chain.drop(1)[0]])
    assert stored(memory_store, foreign).state == foreign.state
    assert told(memory_store) == []


def test_the_same_batch_again_changes_nothing(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    """The process died after the commit, before whoever told it knew."""
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    orphaned, _ = chain.drop(1)
    batch: list[ChainUpdate] = [orphaned, chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED)), chain.finalize()]
    mirror.take(batch)
    before = (mirror.position(), stored(memory_store, payment), told(memory_store))
    mirror.take(batch)
    assert (mirror.position(), stored(memory_store, payment), told(memory_store)) == before


def test_what_was_final_is_never_taken_back(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED)), chain.mine(), chain.finalize(depth=1)])
    before = mirror.position()
    orphaned, _ = chain.drop(2)
    with pytest.raises(FinalBlockDropped) as refusal:
        mirror.take([orphaned])
    assert not refusal.value.retryable
    assert mirror.position() == before
    assert stored(memory_store, payment).state.status is Status.FUNDED


def test_a_reorg_back_to_before_the_first_block_empties_the_position(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    mirror.take(chain.mine_empty(2))
    mirror.take([chain.drop(2)[0]])
    position = mirror.position()
    assert position is not None
    assert position.head is None
    mirror.take([chain.mine()])
    position = mirror.position()
    assert position is not None
    assert position.head == chain.head


def test_a_funding_taken_back_in_the_batch_that_makes_its_pay_by_final_is_expired(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    payment = create(memory_store, make_payment())
    mirror.take([chain.mine(), chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    mirror.take([chain.drop(1)[0], chain.mine(seconds=HOUR), chain.finalize()])
    assert types(told(memory_store)) == ["funded", "reorged", "expired"]
    assert [each.version for each in told(memory_store)] == [1, 2, 3]
    mirror.take([chain.mine(), chain.finalize()])
    assert len(told(memory_store)) == 3

"""Foreign payments that the mirror remembers from one batch to the next: nobody can change them behind its back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earnest.chain.updates import ChainUpdate
from earnest.mirror import ChainMirror
from earnest.mirror.recent import Recent
from earnest.payment.errors import SequenceGap
from earnest.payment.events import EventKind
from earnest.payment.foreign import Foreign
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.payment.transitions import NOTHING_YET
from earnest.store import Store
from earnest.store.records import Lead
from tests.support.ledger import CHAIN_ID, FakeChain, make_payment
from tests.support.stores import create, make_mirror, stored, told, types

FUNDED, DELIVERED, RELEASED = (
    EventKind.PAYMENT_FUNDED,
    EventKind.DELIVERY_CONFIRMED,
    EventKind.PAYMENT_RELEASED,
)
FOREIGN = make_payment(1, account=None)
LEAD, NEXT_LEAD = Lead("follow-1", "a", 1), Lead("follow-1", "a", 2)


def mined(chain: FakeChain, kind: EventKind, payment: Payment = FOREIGN) -> list[ChainUpdate]:
    return [chain.mine(chain.next(payment, kind))]


def test_a_merchant_who_creates_it_between_two_batches_is_told_from_then_on(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    mirror.take(mined(chain, FUNDED))
    own = create(memory_store, make_payment(1))
    mirror.take(mined(chain, DELIVERED))
    assert types(told(memory_store)) == ["delivered"]
    assert stored(memory_store, own).state == chain.state(FOREIGN)


def test_a_merchant_who_creates_it_between_two_batches_is_told_that_what_happened_before_is_final(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    mirror.take(mined(chain, FUNDED))
    create(memory_store, make_payment(1))
    mirror.take([chain.finalize()])
    assert types(told(memory_store)) == ["finalized"]


def test_it_is_taken_back_and_goes_on_over_several_batches(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    mirror.take(mined(chain, FUNDED))
    mirror.take(mined(chain, DELIVERED))
    orphaned, dropped = chain.drop(1)
    mirror.take([orphaned])
    assert stored(memory_store, FOREIGN).state == chain.state(FOREIGN)
    mirror.take(chain.put_back(dropped))
    mirror.take(mined(chain, RELEASED))
    assert stored(memory_store, FOREIGN).state == chain.state(FOREIGN)


def test_one_goes_on_and_is_taken_back_in_the_batch_that_takes_another_one_back(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    another = make_payment(2, account=None)
    mirror.take(mined(chain, FUNDED))
    mirror.take(mined(chain, FUNDED, another))
    orphaned, _ = chain.drop(1)
    again = [orphaned, *mined(chain, FUNDED, another), *mined(chain, DELIVERED)]
    taken_back, _ = chain.drop(1)
    mirror.take([*again, taken_back, *mined(chain, DELIVERED, another)])
    for each in (FOREIGN, another):
        assert stored(memory_store, each).state == chain.state(each)
    mirror.take([*mined(chain, DELIVERED), *mined(chain, RELEASED, another)])
    for each in (FOREIGN, another):
        assert stored(memory_store, each).state == chain.state(each)


def test_what_another_mirror_took_meanwhile_is_read(mirror: ChainMirror, memory_store: Store, chain: FakeChain) -> None:
    mirror.take(mined(chain, FUNDED))
    make_mirror(memory_store).take(mined(chain, DELIVERED))
    mirror.take(mined(chain, RELEASED))
    assert stored(memory_store, FOREIGN).state == chain.state(FOREIGN)


def test_one_that_was_dropped_from_the_database_is_not_believed_in_any_more(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    mirror.take(mined(chain, FUNDED))
    with memory_store.transaction() as tx:
        tx.swap.remove_foreign(CHAIN_ID, [FOREIGN.id])
    with pytest.raises(SequenceGap):
        mirror.take(mined(chain, DELIVERED))
    with memory_store.read() as tx:
        assert tx.payments.get(CHAIN_ID, FOREIGN.id) is None


def test_after_a_batch_that_was_refused_it_is_read_again(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    mirror.take(mined(chain, FUNDED))
    delivered = mined(chain, DELIVERED)
    with pytest.raises(SequenceGap):
        mirror.take([*delivered, chain.mine(replace(chain.next(FOREIGN, RELEASED), seq=9))])
    mirror.take(delivered)
    assert stored(memory_store, FOREIGN).state.status is Status.DELIVERED


def foreign(*numbers: int, status: Status = Status.FUNDED) -> dict[Hash32, Foreign]:
    payments = [make_payment(number, account=None) for number in numbers]
    state = replace(NOTHING_YET, status=status)
    return {each.id: Foreign(each.id, CHAIN_ID, each.escrow, each.terms, state) for each in payments}


def remembered(recent: Recent, lead: Lead | None = LEAD, batch: str = "b") -> set[str]:
    return set(recent.payments(lead, batch))


def test_it_counts_under_the_same_lead_and_after_the_same_batch() -> None:
    for lead, batch in ((NEXT_LEAD, "b"), (None, "b"), (LEAD, "c")):
        recent = Recent().after(foreign(1), LEAD, "b")
        assert remembered(recent) == set(foreign(1))
        assert remembered(recent, lead, batch) == set()
        assert remembered(recent) == set(), "what was found to be old once is forgotten"


def test_those_that_changed_last_are_remembered_and_no_more_than_so_many() -> None:
    recent = Recent(remembered=2).after(foreign(1, 2), LEAD, "a").after(foreign(1, 3), LEAD, "b")
    assert remembered(recent) == set(foreign(1, 3))


def test_what_is_over_is_not_remembered() -> None:
    recent = Recent().after(foreign(1, 2), LEAD, "a").after(foreign(1, status=Status.RELEASED), LEAD, "b")
    assert remembered(recent) == set(foreign(2))


def test_what_is_remembered_is_stored() -> None:
    recent = Recent().after(foreign(1), LEAD, "b")
    assert [each.is_stored for each in recent.payments(LEAD, "b").values()] == [True]

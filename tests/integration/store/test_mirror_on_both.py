"""The mirror's story on each of the databases; its rules in depth are tried on one in memory."""

from __future__ import annotations

import threading

import pytest

from earnest.chain.updates import ChainUpdate
from earnest.mirror.errors import BlockDoesNotFit
from earnest.payment.events import EventKind
from earnest.payment.status import Status
from earnest.payment.terms import HOUR
from earnest.store import Store
from earnest.store.records import Endpoint
from tests.support.ledger import CHAIN_ID, MERCHANT, START, FakeChain, make_payment
from tests.support.stores import NOW, create, make_mirror, stored, told, types


def test_a_life_with_a_reorg_a_foreign_payment_and_an_expiry(store: Store) -> None:
    mirror, chain = make_mirror(store), FakeChain()
    payment, unpaid = create(store, make_payment(1)), create(store, make_payment(2, amount=2**128 - 1))
    foreign = make_payment(3, account=None)
    with store.transaction() as tx:
        tx.endpoints.add(Endpoint("we_1", MERCHANT.id, "https://shop.test", frozenset(), b"s", START))
    mirror.take(
        [chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED), chain.next(foreign, EventKind.PAYMENT_FUNDED))]
    )
    mirror.take([chain.mine(chain.next(payment, EventKind.DELIVERY_CONFIRMED))])
    orphaned, dropped = chain.drop(2)
    mirror.take([orphaned, chain.mine()])
    assert stored(store, payment).state.status is stored(store, foreign).state.status is Status.CREATED
    batch: list[ChainUpdate] = [chain.drop(1)[0], *chain.put_back(dropped), chain.mine(seconds=HOUR), chain.finalize()]
    mirror.take(batch)
    mirror.take(batch)
    assert types(told(store, payment)) == [
        "funded", "delivered", "reorged", "funded", "delivered", "finalized", "finalized"
    ]  # fmt: skip
    assert types(told(store, unpaid)) == ["expired"]
    assert stored(store, payment).state == chain.state(payment)
    assert stored(store, foreign).state == chain.state(foreign)
    position = mirror.position()
    assert position is not None
    assert (position.head, position.final_number) == (chain.head, chain.head.number)
    with store.read() as tx:
        assert all(each.final and not each.orphaned for each in tx.events.timeline(CHAIN_ID, payment.id))
    with store.transaction() as tx:
        first = {(each.payment_id, each.version) for _, each, _ in tx.outbox.claim(NOW, 100, 30)}
    assert first == {(payment.id, 1), (unpaid.id, 1)}


def test_what_one_batch_drops_and_what_it_makes_final_are_told_apart(store: Store) -> None:
    mirror, chain = make_mirror(store), FakeChain()
    stays, lost = create(store, make_payment(1)), create(store, make_payment(2))
    foreign = make_payment(3, account=None)
    mirror.take(
        [chain.mine(chain.next(stays, EventKind.PAYMENT_FUNDED), chain.next(foreign, EventKind.PAYMENT_FUNDED))]
    )
    mirror.take([chain.mine(chain.next(lost, EventKind.PAYMENT_FUNDED))])
    orphaned, _ = chain.drop(1)
    mirror.take([orphaned, chain.mine(), chain.finalize()])
    with store.read() as tx:
        flags = {
            each.id: [(event.orphaned, event.final) for event in tx.events.timeline(CHAIN_ID, each.id)]
            for each in (stays, foreign, lost)
        }
    assert flags == {stays.id: [(False, True)], foreign.id: [(False, True)], lost.id: [(True, False)]}
    assert types(told(store, stays)) == ["funded", "finalized"]
    assert types(told(store, lost)) == ["funded", "reorged"]


def test_of_two_followers_at_once_one_is_believed(store: Store) -> None:
    """A second one that lost the race is refused, reads the position again and finds nothing left to tell."""
    chain = FakeChain()
    payment = create(store, make_payment())
    make_mirror(store).take([chain.mine()])
    batches: list[list[ChainUpdate]] = [
        [chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))],
        [chain.blocks[-1], chain.mine()],
    ]
    outcomes: list[str] = []

    def follow(batch: list[ChainUpdate]) -> None:
        try:
            make_mirror(store).take(batch)
            outcomes.append("believed")
        except BlockDoesNotFit:
            outcomes.append("refused")

    threads = [threading.Thread(target=follow, args=(batch,)) for batch in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["believed", "refused"]
    assert types(told(store)) == ["funded"]


def test_a_batch_that_fails_at_its_end_leaves_nothing(store: Store) -> None:
    mirror, chain = make_mirror(store), FakeChain()
    payment = create(store, make_payment())
    good = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    with pytest.raises(BlockDoesNotFit):
        mirror.take([good, good])
    assert (stored(store, payment), told(store)) == (payment, [])
    with store.read() as tx:
        assert tx.events.timeline(CHAIN_ID, payment.id) == []
        assert tx.blocks.view(CHAIN_ID) is None


@pytest.mark.parametrize("others", [0, 120], ids=["alone", "among many that come by COPY"])
def test_a_payment_created_in_the_very_moment_of_its_funding_is_told_as_funded(store: Store, others: int) -> None:
    """The mirror reads that nobody has it; before it writes, the merchant's creation is committed."""
    mirror, chain = make_mirror(store), FakeChain()
    unknown = [make_payment(number, account=None) for number in range(1, others + 2)]
    block = chain.mine(*(chain.next(each, EventKind.PAYMENT_FUNDED) for each in unknown))
    following = threading.Thread(target=mirror.take, args=([block],))
    with store.transaction() as tx:
        tx.payments.add(make_payment(1))
        following.start()
        following.join(0.5)
        assert following.is_alive(), "it waits for the one who creates"
    following.join()
    assert types(told(store)) == ["funded"]
    assert stored(store, make_payment(1)).state == chain.state(unknown[0])
    assert all(stored(store, each).state == chain.state(each) for each in unknown[1:])

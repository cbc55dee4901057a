"""Payments: added, found, saved and listed."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from earnest.payment.errors import InvalidInput
from earnest.payment.record import BlockRef, Payment
from earnest.payment.status import Finality, Status
from earnest.payment.terms import HOUR, MAX_PAY_BY
from earnest.payment.transitions import PaymentState
from earnest.store import Store
from earnest.store.errors import AlreadyThere
from earnest.store.records import PaymentFilter
from tests.support.ledger import BUYER, CHAIN_ID, ESCROW, GENESIS, MERCHANT, START, TOKEN, address, digest, make_payment

EVERYTHING = PaymentFilter()


def block(number: int) -> BlockRef:
    return BlockRef(number, digest(f"block {number}"), START + number)


def funded(payment: Payment, at: int, **changes: object) -> Payment:
    state = PaymentState(
        Status.FUNDED,
        since=START + at,
        seq=1,
        funded=payment.terms.amount,
        held=payment.terms.amount,
        payer=BUYER,
        buyer=BUYER,
    )
    return replace(payment, state=replace(state, **changes), block=block(at), version=payment.version + 1)  # type: ignore[arg-type]


def ids(store: Store, where: PaymentFilter, merchant: str | None = MERCHANT.id) -> set[str]:
    with store.read() as tx:
        return {each.id for each in tx.payments.page(merchant, where, limit=100).items}


def test_a_payment_comes_back_as_it_was(store: Store) -> None:
    payment = replace(make_payment(), salt=bytes(range(32)))
    with store.transaction() as tx:
        tx.payments.add(payment)
    with store.read() as tx:
        assert tx.payments.get(CHAIN_ID, payment.id) == payment
        assert tx.payments.find(MERCHANT.id, payment.id) == payment
        assert tx.payments.public(payment.id) == payment
        assert tx.payments.find("mer_2", payment.id) is None
        assert tx.payments.get(1, payment.id) is None


@pytest.mark.parametrize("amount", [1, 2**63, 2**128 - 1, 2**256 - 1])
def test_amounts_of_every_size_are_exact(store: Store, amount: int) -> None:
    payment = make_payment(amount=amount, pay_by=MAX_PAY_BY, delivery_period=2**32 - 1)
    saved = funded(payment, 3)
    with store.transaction() as tx:
        tx.payments.add(payment)
        tx.payments.save([saved])
    with store.read() as tx:
        assert tx.payments.get(CHAIN_ID, payment.id) == saved


def test_saving_writes_the_chain_s_facts_and_nothing_of_the_merchant_s(store: Store) -> None:
    payment = make_payment()
    with store.transaction() as tx:
        tx.payments.add(payment)
        tx.payments.save([replace(funded(payment, 3), account=None, order_reference=None, salt=None, created_at=None)])
    with store.read() as tx:
        assert tx.payments.get(CHAIN_ID, payment.id) == funded(payment, 3)


def test_of_many_those_that_are_there_are_changed_and_the_others_added(store: Store) -> None:
    every = [funded(make_payment(number, account=None), 3) for number in range(300)]
    with store.transaction() as tx:
        tx.payments.save(every[:150])
    later = [replace(each, version=each.version + 1) for each in every]
    with store.transaction() as tx:
        tx.payments.save(later)
    with store.read() as tx:
        assert tx.payments.many(CHAIN_ID, [each.id for each in every]) == {each.id: each for each in later}


def test_of_many_that_are_known_each_is_changed(store: Store) -> None:
    every = [funded(make_payment(number, account=None), 3) for number in range(150)]
    with store.transaction() as tx:
        tx.payments.save(every)
    later = [funded(each, 4) for each in every]
    with store.transaction() as tx:
        tx.payments.save(later, known={each.id for each in every})
    with store.read() as tx:
        assert tx.payments.many(CHAIN_ID, [each.id for each in every]) == {each.id: each for each in later}


def test_a_payment_twice_is_refused(store: Store) -> None:
    with store.transaction() as tx:
        tx.payments.add(make_payment())
    with pytest.raises(AlreadyThere), store.transaction() as tx:
        tx.payments.add(make_payment())


def test_a_foreign_payment_is_kept_and_is_adopted_when_somebody_creates_it(store: Store) -> None:
    foreign = funded(make_payment(account=None), 3)
    with store.transaction() as tx:
        tx.payments.save([foreign])
    with store.read() as tx:
        assert tx.payments.get(CHAIN_ID, foreign.id) == foreign
        assert tx.payments.public(foreign.id) is None
    with store.transaction() as tx:
        tx.payments.add(make_payment())
    with store.read() as tx:
        adopted = tx.payments.find(MERCHANT.id, foreign.id)
    assert adopted is not None
    assert (adopted.state, adopted.order_reference) == (foreign.state, "order-1")


def test_pages_go_from_the_newest_to_the_oldest_without_gap_or_repeat(store: Store) -> None:
    payments = [replace(make_payment(number), created_at=START + number // 3) for number in range(10)]
    with store.transaction() as tx:
        for payment in payments:
            tx.payments.add(payment)
    seen: list[Payment] = []
    cursor = None
    sizes = []
    while True:
        with store.read() as tx:
            page = tx.payments.page(MERCHANT.id, EVERYTHING, cursor=cursor, limit=4)
        seen += page.items
        sizes.append(len(page.items))
        cursor = page.next_cursor
        if not page.has_more:
            break
    assert sizes == [4, 4, 2]
    assert {each.id for each in seen} == {each.id for each in payments}
    assert [each.created_at for each in seen] == sorted((each.created_at or 0 for each in payments), reverse=True)


def test_a_full_last_page_has_no_next_one(store: Store) -> None:
    with store.transaction() as tx:
        for number in range(4):
            tx.payments.add(make_payment(number))
    with store.read() as tx:
        assert not tx.payments.page(MERCHANT.id, EVERYTHING, limit=4).has_more
        assert tx.payments.page("mer_2", EVERYTHING).items == []


@pytest.mark.parametrize(
    "cursor", ["", "x", "!!!!", "bnVsbA", "WzEsMl0", "WzEsMiwzXQ", "W3RydWUsMSwiYSJd", "ŝ", "A" * 999]
)
def test_a_strange_cursor_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(InvalidInput) as refusal, store.read() as tx:
        tx.payments.page(MERCHANT.id, EVERYTHING, cursor=cursor)
    assert refusal.value.param == "cursor"


def test_filters(store: Store) -> None:
    created, late, paid, old = make_payment(1), make_payment(2, pay_by=START + 5), make_payment(3), make_payment(4)
    named = make_payment(5, buyer=address(77), token=address(78))
    foreign = funded(make_payment(6, account=None), 8)
    with store.transaction() as tx:
        for payment in (created, late, paid, old, named):
            tx.payments.add(payment)
        tx.payments.save([funded(paid, 9), funded(old, 4), foreign])
        tx.blocks.begin(CHAIN_ID, GENESIS, ESCROW)
        tx.blocks.set_position(CHAIN_ID, block(10), block(5), "")

    def status(*wanted: Status) -> set[str]:
        return ids(store, PaymentFilter(statuses=frozenset(wanted)))

    def finality(*wanted: Finality, depth: int = 2) -> set[str]:
        return ids(store, PaymentFilter(finalities=frozenset(wanted), safe_depth_blocks=depth), merchant=None)

    assert status(Status.CREATED) == {created.id, named.id}
    assert status(Status.EXPIRED) == {late.id}
    assert status(Status.FUNDED) == {paid.id, old.id}
    assert status(Status.EXPIRED, Status.FUNDED) == {late.id, paid.id, old.id}
    assert finality(Finality.FINAL) == {old.id}
    assert finality(Finality.SAFE) == {foreign.id}
    assert finality(Finality.INCLUDED) == {paid.id}
    assert finality(Finality.SAFE, depth=1) == {foreign.id, paid.id}
    assert ids(store, PaymentFilter(order_reference="order-3")) == {paid.id}
    assert ids(store, PaymentFilter(buyer=BUYER)) == {paid.id, old.id}
    assert ids(store, PaymentFilter(buyer=address(77))) == {named.id}
    assert ids(store, PaymentFilter(token=address(78))) == {named.id}
    assert ids(store, PaymentFilter(token=TOKEN)) == {created.id, late.id, paid.id, old.id}
    assert ids(store, PaymentFilter(chain_id=1)) == set()
    assert ids(store, PaymentFilter(created_from=START + 2, created_until=START + 4)) == {late.id, paid.id}
    assert foreign.id in ids(store, EVERYTHING, merchant=None)
    assert foreign.id not in ids(store, EVERYTHING)


def test_before_the_first_block_nothing_is_expired_and_nothing_has_finality(store: Store) -> None:
    late = make_payment(2, pay_by=START - HOUR)
    with store.transaction() as tx:
        tx.payments.add(late)
    assert ids(store, PaymentFilter(statuses=frozenset({Status.CREATED}))) == {late.id}
    assert ids(store, PaymentFilter(finalities=frozenset(Finality))) == set()


def test_due_to_expire_are_created_ones_that_were_not_told(store: Store) -> None:
    due, told, paid, later = (make_payment(number, pay_by=START + number) for number in (1, 2, 3, 50))
    foreign = make_payment(4, account=None, pay_by=START)
    with store.transaction() as tx:
        for payment in (due, told, paid, later):
            tx.payments.add(payment)
        tx.payments.save([funded(paid, 2), foreign])
        tx.payments.mark_expired(CHAIN_ID, [told.id])
        tx.payments.mark_expired(CHAIN_ID, [])
    with store.read() as tx:
        assert tx.payments.due_to_expire(CHAIN_ID, START + 49) == [due.id]
        assert tx.payments.due_to_expire(CHAIN_ID, START + 50) == [due.id, later.id]
        assert tx.payments.due_to_expire(1, START + 50) == []


def test_a_locked_payment_is_changed_by_one_at_a_time(store: Store) -> None:
    payment = make_payment()
    with store.transaction() as tx:
        tx.payments.add(payment)

    def raise_version() -> None:
        for _ in range(10):
            with store.transaction() as tx:
                found = tx.payments.get(CHAIN_ID, payment.id, lock=True)
                assert found is not None
                tx.payments.save([replace(found, version=found.version + 1)])

    threads = [threading.Thread(target=raise_version) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        found = tx.payments.get(CHAIN_ID, payment.id)
    assert found is not None
    assert found.version == 40

"""When a merchant is told, by his rule: small sums at once, larger ones when the chain is surer of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earnest.mirror import ChainMirror
from earnest.payment.events import EventKind
from earnest.payment.record import Payment
from earnest.payment.status import Status
from earnest.payment.tell_rule import parse_tell_rule
from earnest.payment.terms import HOUR
from earnest.store import Store
from earnest.store.records import Notification
from tests.support.ledger import CHAIN_ID, MERCHANT, START, TOKEN, FakeChain, make_payment
from tests.support.stores import create, stored, told, types

FUNDED, DELIVERED, RELEASED = EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED, EventKind.PAYMENT_RELEASED
SMALL, MIDDLE, LARGE = 99, 100, 1_000


@pytest.fixture
def store(memory_store: Store) -> Store:
    rule(memory_store, f"{TOKEN}:safe:{MIDDLE}", f"{TOKEN}:final:{LARGE}")
    return memory_store


def rule(store: Store, *steps: str) -> None:
    with store.transaction() as tx:
        tx.merchants.set_tell_rule(MERCHANT.id, parse_tell_rule(steps))


def ask(store: Store, amount: int, number: int = 1) -> Payment:
    return create(store, make_payment(number, amount=amount, pay_by=START + 24 * HOUR))


def shown(notification: Notification) -> tuple[str, str | None, int]:
    data = notification.payload["data"]
    return data["status"], data["finality"], data["version"]


def held(store: Store) -> bool:
    with store.read() as tx:
        return tx.untold.any(CHAIN_ID)


def test_a_small_sum_is_told_as_soon_as_it_stands_in_a_block(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, SMALL)
    mirror.take([chain.mine(chain.next(payment, FUNDED))])
    assert [shown(each) for each in told(store)] == [("funded", "included", 1)]
    assert not held(store)


def test_a_middle_sum_is_told_when_it_is_safe_by_the_merchants_own_depth(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, MIDDLE)
    mirror.take([chain.mine(chain.next(payment, FUNDED))])
    mirror.take([chain.mine()])
    assert told(store) == []
    assert held(store)
    mirror.take([chain.mine()])
    assert MERCHANT.safe_depth_blocks == 2
    assert [shown(each) for each in told(store)] == [("funded", "safe", 1)]
    assert not held(store)
    mirror.take(chain.mine_empty(3))
    assert types(told(store)) == ["funded"]


def test_a_large_sum_is_told_when_it_is_final_and_then_that_it_is(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, LARGE)
    mirror.take([chain.mine(chain.next(payment, FUNDED)), *chain.mine_empty(9)])
    assert told(store) == []
    mirror.take([chain.finalize(9)])
    assert types(told(store)) == ["funded", "finalized"]
    assert [shown(each) for each in told(store)] == [("funded", "final", 1), ("funded", "final", 2)]


def test_what_is_shown_to_whoever_asks_is_not_held_back(mirror: ChainMirror, store: Store, chain: FakeChain) -> None:
    payment = ask(store, LARGE)
    funded = chain.mine(chain.next(payment, FUNDED))
    mirror.take([funded])
    now = stored(store, payment)
    assert (now.state.status, now.version) == (Status.FUNDED, 0)
    assert now.block is not None
    assert now.block.hash == funded.block.hash


@pytest.mark.parametrize("amount", [MIDDLE, LARGE])
def test_of_an_event_that_was_dropped_before_it_was_told_nothing_is_heard(
    mirror: ChainMirror, store: Store, chain: FakeChain, amount: int
) -> None:
    payment = ask(store, amount)
    mirror.take([chain.mine()])
    mirror.take([chain.mine(chain.next(payment, FUNDED)), chain.mine()])
    mirror.take([chain.drop(2)[0], *chain.mine_empty(5), chain.finalize()])
    assert told(store) == []
    assert not held(store)
    assert stored(store, payment).state.status is Status.CREATED
    mirror.take([chain.mine(chain.next(payment, FUNDED)), *chain.mine_empty(2), chain.finalize()])
    assert types(told(store)) == ["funded", "finalized"]
    assert [each.version for each in told(store)] == [1, 2]


def test_what_was_told_when_it_was_safe_and_dropped_after_all_is_taken_back(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, MIDDLE)
    mirror.take([chain.mine(), chain.mine(chain.next(payment, FUNDED)), *chain.mine_empty(2)])
    mirror.take([chain.mine(chain.next(payment, DELIVERED))])
    assert types(told(store)) == ["funded"]
    mirror.take([chain.drop(4)[0], chain.mine()])
    assert types(told(store)) == ["funded", "reorged"]
    assert shown(told(store)[-1]) == ("created", None, 2)
    # Of the delivery he had never heard.
    assert [each["name"] for each in told(store)[-1].payload["events"]] == ["PaymentFunded"]
    assert not held(store)


def test_what_is_told_shows_the_payment_without_what_is_held_back(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, LARGE)
    mirror.take([chain.mine(chain.next(payment, FUNDED))])
    mirror.take([chain.mine(chain.next(payment, DELIVERED))])
    mirror.take([chain.finalize(1)])
    assert stored(store, payment).state.status is Status.DELIVERED
    assert [shown(each) for each in told(store)] == [("funded", "final", 1), ("funded", "final", 2)]
    mirror.take([chain.mine(chain.next(payment, RELEASED)), chain.finalize()])
    assert types(told(store)) == ["funded", "finalized", "delivered", "finalized", "released", "finalized"]
    assert [shown(each)[0] for each in told(store)][2:] == ["delivered", "delivered", "released", "released"]
    assert [each.version for each in told(store)] == [1, 2, 3, 4, 5, 6]


def test_a_block_that_goes_and_comes_back_is_waited_for_anew(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, MIDDLE)
    mirror.take([chain.mine(), chain.mine(chain.next(payment, FUNDED)), chain.mine()])
    orphaned, dropped = chain.drop(2)
    mirror.take([orphaned, chain.mine()])
    away, _ = chain.drop(1)
    mirror.take([away, *chain.put_back(dropped)])
    assert told(store) == []
    mirror.take([chain.mine()])
    assert types(told(store)) == ["funded"]


def test_a_payment_that_expires_is_told_so_under_any_rule(mirror: ChainMirror, store: Store, chain: FakeChain) -> None:
    rule(store, "*:final:0")
    create(store, make_payment(pay_by=START + HOUR))
    mirror.take([chain.mine(seconds=HOUR), chain.mine(), chain.finalize()])
    assert types(told(store)) == ["expired"]


def test_a_new_rule_holds_for_new_events_and_what_waits_keeps_its_order(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, LARGE)
    mirror.take([chain.mine(chain.next(payment, FUNDED))])
    rule(store)
    mirror.take([chain.mine(chain.next(payment, DELIVERED))])
    assert told(store) == []
    mirror.take([chain.finalize(1)])
    # The funding has been told by now, and so nothing is before the delivery any more; it waits as the funding did.
    assert types(told(store)) == ["funded", "finalized"]
    mirror.take([chain.mine(), chain.finalize()])
    mirror.take([chain.mine(chain.next(payment, RELEASED))])
    assert types(told(store)) == ["funded", "finalized", "delivered", "finalized", "released"]


def test_finality_that_comes_before_the_depth_is_enough(mirror: ChainMirror, store: Store, chain: FakeChain) -> None:
    payment = ask(store, MIDDLE)
    mirror.take([chain.mine(chain.next(payment, FUNDED)), chain.finalize()])
    assert types(told(store)) == ["funded", "finalized"]
    assert shown(told(store)[0]) == ("funded", "final", 1)


def test_foreign_payments_wait_for_nothing_since_nobody_is_told(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    rule(store, "*:final:0")
    mirror.take([chain.mine(chain.next(make_payment(9, account=None), FUNDED))])
    assert not held(store)


def test_two_merchants_are_told_each_by_his_own_rule(mirror: ChainMirror, store: Store, chain: FakeChain) -> None:
    with store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2", tell=parse_tell_rule(["*:final:0"])))
    mine, other = ask(store, SMALL), create(store, make_payment(2, account="mer_2", amount=SMALL))
    mirror.take([chain.mine(chain.next(mine, FUNDED), chain.next(other, FUNDED))])
    assert types(told(store, mine)) == ["funded"]
    with store.read() as tx:
        assert tx.outbox.page("mer_2").items == []


def test_an_event_that_became_final_unseen_is_told_with_the_next_block(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, LARGE)
    mirror.take([chain.mine(chain.next(payment, FUNDED)), chain.mine()])
    with store.transaction() as tx:
        tx.events.mark_final(CHAIN_ID, 1)  # as a rebuild may leave it
    mirror.take([chain.finalize(1)])
    assert types(told(store)) == ["funded"]


def test_an_event_that_moved_to_a_later_block_is_waited_for_from_there(
    mirror: ChainMirror, store: Store, chain: FakeChain
) -> None:
    payment = ask(store, MIDDLE)
    mirror.take([chain.mine()])
    first = chain.mine(chain.next(payment, FUNDED))
    dropped, _ = chain.drop(1)
    mirror.take([first, dropped, chain.mine(), chain.mine(chain.next(payment, FUNDED)), chain.mine()])
    assert told(store) == []
    mirror.take([chain.mine()])
    assert [shown(each) for each in told(store)] == [("funded", "safe", 1)]

"""Payments that are funded in a backfill: those that nobody here can have created are not looked for."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest
from sqlalchemy import update

from earnest.chain.updates import ChainUpdate
from earnest.mirror import ChainMirror
from earnest.payment.events import EventKind
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.store import Store
from earnest.store.payment_table import payments
from earnest.store.payments import Payments
from tests.support.ledger import FakeChain, make_payment
from tests.support.stores import create, stored, told, types

FUNDED, DELIVERED = EventKind.PAYMENT_FUNDED, EventKind.DELIVERY_CONFIRMED
FOREIGN = make_payment(1, account=None)


@pytest.fixture(autouse=True)
def _every_batch_is_a_backfills(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IN_BULK", "FEW"):
        monkeypatch.setattr(f"earnest.mirror.mirror.{name}", 1)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[set[Hash32]]:
    """The ids of the payments that are read, question by question."""
    asked: list[set[Hash32]] = []
    many = Payments.many

    def noted(self: Payments, chain_id: int, ids: Collection[Hash32], **options: Any) -> dict[Hash32, Payment]:
        asked.append(set(ids))
        return many(self, chain_id, ids, **options)

    monkeypatch.setattr(Payments, "many", noted)
    return asked


def funded(chain: FakeChain, *all_of: Payment) -> list[ChainUpdate]:
    return [chain.mine(chain.next(each, FUNDED)) for each in all_of]


def test_where_no_merchant_waits_for_money_what_is_funded_is_not_looked_for(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain, read: list[set[Hash32]]
) -> None:
    mirror.take([*funded(chain, FOREIGN), chain.mine(chain.next(FOREIGN, DELIVERED))])
    assert FOREIGN.id not in set().union(*read)
    assert stored(memory_store, FOREIGN).state == chain.state(FOREIGN)


def test_where_one_waits_it_is_found_among_all_that_are_funded(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    own = create(memory_store, make_payment(2))
    mirror.take(funded(chain, FOREIGN, own))
    assert types(told(memory_store)) == ["funded"]
    for each in (FOREIGN, own):
        assert stored(memory_store, each).state == chain.state(each)


def test_one_that_nobody_seemed_to_wait_for_is_found_when_it_is_added(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain, read: list[set[Hash32]]
) -> None:
    """Its merchant was told that it expired, by whatever mistake."""
    own = create(memory_store, make_payment(2))
    with memory_store.transaction() as tx:
        tx._connection.execute(update(payments).values(told_expired=True))
    mirror.take(funded(chain, FOREIGN, own))
    assert types(told(memory_store)) == ["funded"]
    assert {FOREIGN.id, own.id} in read, "at the second try all are"
    for each in (FOREIGN, own):
        assert stored(memory_store, each).state == chain.state(each)


def test_one_whose_funding_a_reorg_took_is_found_when_it_is_funded_again(
    mirror: ChainMirror, memory_store: Store, chain: FakeChain
) -> None:
    mirror.take(funded(chain, FOREIGN))
    orphaned, _ = chain.drop(1)
    mirror.take([orphaned])
    mirror.take(funded(chain, FOREIGN))
    assert stored(memory_store, FOREIGN).state == chain.state(FOREIGN)

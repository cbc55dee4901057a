"""What stands beside payments comes back as it was, on SQLite and on PostgreSQL, and goes with its block."""

from __future__ import annotations

from dataclasses import replace

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from earnest.payment.events import DepositReturned, ItemSkipped
from earnest.payment.record import BlockRef
from earnest.payment.status import Status
from earnest.payment.transitions import PaymentState
from earnest.store import Store
from earnest.store.payment_table import GIVEN, row_of
from earnest.store.records import StoredDismissal, StoredSideEvent
from earnest.store.schema import columns_of
from earnest.store.side_events import MOST_TOLD
from earnest.store.upgrades import MIGRATIONS
from tests.support.ledger import BUYER, CHAIN_ID, MERCHANT, OPERATOR, PAYOUT, START, TOKEN, digest, make_payment
from tests.support.stores import Opener, create, stored

BLOCK = BlockRef(7, digest("7"), START)
PLACE = (CHAIN_ID, BLOCK, digest("tx"))


def test_side_events_come_back_whole_and_in_order(store: Store) -> None:
    payment = make_payment()
    told = [
        StoredSideEvent(*PLACE, 2, ItemSkipped(payment.id, 2**256 - 1, "0xdeadbeef")),
        StoredSideEvent(*PLACE, 1, DepositReturned(payment.id, TOKEN, BUYER, 2**256 - 1)),
        StoredSideEvent(*PLACE, 3, ItemSkipped(make_payment(2).id, 0, "0xdeadbeef")),
    ]
    with store.transaction() as tx:
        tx.side_events.add(told)
        tx.side_events.add(told)
    with store.read() as tx:
        assert tx.side_events.timeline(CHAIN_ID, payment.id) == [told[1], told[0]]
        assert tx.side_events.timeline(1, payment.id) == []
    with store.transaction() as tx:
        tx.side_events.orphan(CHAIN_ID, [BLOCK.hash])
    with store.read() as tx:
        assert tx.side_events.timeline(CHAIN_ID, payment.id) == [replace(each, orphaned=True) for each in told[1::-1]]


def test_a_timeline_tells_the_newest_side_events_however_many_somebody_caused(store: Store) -> None:
    payment = make_payment()
    told = [
        StoredSideEvent(*PLACE, index, ItemSkipped(payment.id, index, "0xdeadbeef")) for index in range(MOST_TOLD + 5)
    ]
    with store.transaction() as tx:
        tx.side_events.add(told)
    with store.read() as tx:
        assert tx.side_events.timeline(CHAIN_ID, payment.id) == told[5:]


def test_a_dismissal_is_read_with_every_payment_that_names_the_two(store: Store) -> None:
    ours, others = create(store, make_payment()), create(store, make_payment(2, operator=BUYER))
    dismissal = StoredDismissal(*PLACE, 1, PAYOUT, OPERATOR)
    with store.transaction() as tx:
        tx.dismissals.add([dismissal])
        assert tx.payments.get(CHAIN_ID, ours.id, lock=True) == replace(ours, operator_dismissed=True)
    assert not stored(store, others).operator_dismissed
    with store.read() as tx:
        assert tx.dismissals.of(CHAIN_ID, [PAYOUT, BUYER]) == [dismissal]
        assert tx.dismissals.of(CHAIN_ID, [BUYER]) == tx.dismissals.of(1, [PAYOUT]) == []
        assert tx.dismissals.is_dismissed(CHAIN_ID, PAYOUT, OPERATOR)
        assert not tx.dismissals.is_dismissed(CHAIN_ID, PAYOUT, BUYER)
        assert tx.payments.find(MERCHANT.id, ours.id) == replace(ours, operator_dismissed=True)
    with store.transaction() as tx:
        tx.dismissals.orphan(CHAIN_ID, [BLOCK.hash])
    assert stored(store, ours) == ours
    with store.transaction() as tx:
        tx.dismissals.add([dismissal])
    assert stored(store, ours).operator_dismissed


def test_what_was_repaid_comes_back(store: Store) -> None:
    payment = create(store, make_payment())
    state = PaymentState(Status.RELEASED, START, 3, 2**128 - 1, 0, 2**128 - 1, 0, 0, BUYER, BUYER, repaid=2**128 - 2)
    with store.transaction() as tx:
        tx.payments.save([replace(payment, state=state, block=BLOCK)])
    assert stored(store, payment).state == state


def test_payments_of_before_are_upgraded_with_nothing_repaid(sqlite_url: str, opening: Opener) -> None:
    payment = make_payment()
    names = [name for name in GIVEN if name != "repaid"]
    row = dict(zip(GIVEN, row_of(payment, str), strict=True))
    before = Config()
    before.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        before.attributes["connection"] = connection
        command.upgrade(before, "0001")
        merchant = columns_of(MERCHANT)
        # What merchants had then: a column that came later is not there yet.
        for table, columns, given in (("merchants", merchant.keys() - {"tell"}, merchant), ("payments", names, row)):
            values = ", ".join(f":{name}" for name in columns)
            connection.execute(text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})"), given)
    engine.dispose()
    store = opening(sqlite_url)
    store.upgrade()
    store.check()
    assert stored(store, payment) == payment

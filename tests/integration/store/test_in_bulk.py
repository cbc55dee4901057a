"""Thousands of rows in one transaction: what is there already is changed, and nothing stays unchecked afterwards."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import make_url

from earnest.payment.events import EventKind
from earnest.payment.foreign import Foreign
from earnest.payment.record import BlockRef, Payment
from earnest.payment.transitions import NOTHING_YET
from earnest.store import Store
from earnest.store.errors import PaymentsChanged, StoreFailure
from earnest.store.records import StoredEvent
from tests.support.ledger import CHAIN_ID, MERCHANT, START, digest, event_of, make_payment
from tests.support.postgres import PostgresServer
from tests.support.stores import Opener

BLOCK = BlockRef(5, digest("block 5"), START)
PAYMENTS = [replace(make_payment(number, account=None), block=BLOCK) for number in range(300)]


def funding(payment: Payment, place: int) -> StoredEvent:
    event = event_of(payment, NOTHING_YET, EventKind.PAYMENT_FUNDED)
    return StoredEvent(CHAIN_ID, BLOCK, digest(f"tx {place}"), place, event)


EVENTS = [funding(payment, place) for place, payment in enumerate(PAYMENTS)]


def events(store: Store) -> list[StoredEvent]:
    with store.read() as tx:
        return list(tx.events.in_blocks(CHAIN_ID, [BLOCK]))


def test_what_a_reorg_brings_back_is_canonical_again_and_the_rest_is_added(store: Store) -> None:
    with store.transaction(in_bulk=True) as tx:
        tx.payments.save(PAYMENTS[:200])
        # Those in the middle are there already: not the first that meet, nor the last.
        tx.events.add(CHAIN_ID, EVENTS[140:200])
        tx.events.orphan(CHAIN_ID, [BLOCK])
    assert events(store) == []
    with store.transaction(in_bulk=True) as tx:
        tx.payments.save(PAYMENTS)
        tx.events.add(CHAIN_ID, EVENTS)
    assert events(store) == EVENTS
    with store.read() as tx:
        assert len(tx.payments.many(CHAIN_ID, [each.id for each in PAYMENTS])) == len(PAYMENTS)


def test_thousands_that_are_there_are_changed_unless_one_of_them_is_somebodys_now(store: Store) -> None:
    with store.transaction(in_bulk=True) as tx:
        tx.payments.save(PAYMENTS)
    ids = [each.id for each in PAYMENTS]
    changed = [replace(each, block=BlockRef(number, BLOCK.hash, START)) for number, each in enumerate(PAYMENTS)]
    with store.transaction(in_bulk=True) as tx:
        tx.payments.save_foreign(Foreign.stored(each) for each in changed)
    with store.transaction() as tx:
        assert tx.payments.many(CHAIN_ID, ids) == {each.id: each for each in changed}
        tx.payments.add(replace(PAYMENTS[7], account=MERCHANT.id, created_at=START))
    with pytest.raises(PaymentsChanged), store.transaction(in_bulk=True) as tx:
        tx.payments.save_foreign(Foreign.stored(each) for each in PAYMENTS)
    with store.read() as tx:
        assert [tx.payments.many(CHAIN_ID, ids)[id_].block for id_ in ids] == [each.block for each in changed]


@pytest.mark.parametrize("fails", [False, True], ids=["committed", "rolled back"])
def test_afterwards_a_payment_without_its_merchant_is_refused_as_ever(store: Store, *, fails: bool) -> None:
    def write() -> None:
        with store.transaction(in_bulk=True) as tx:
            tx.payments.save(PAYMENTS[:200])
            tx.events.add(CHAIN_ID, EVENTS[:200])
            if fails:
                raise KeyError("something of the caller's")

    if fails:
        with pytest.raises(KeyError):
            write()
    else:
        write()
    assert len(events(store)) == (0 if fails else 200)
    with pytest.raises(StoreFailure), store.transaction() as tx:
        tx.payments.save([replace(make_payment(250), account="nobody")])


def test_on_postgresql_a_large_change_finds_its_rows_by_their_keys_while_the_table_is_young(
    postgres_server: PostgresServer, postgres_template: str, opening: Opener
) -> None:
    url = postgres_server.url(postgres_server.create_database(postgres_template))
    young = opening(url)
    with young.transaction(in_bulk=True) as tx:
        tx.payments.save(PAYMENTS)
    with young.transaction(in_bulk=True) as tx:
        tx.payments.save_foreign(Foreign.stored(each) for each in PAYMENTS[:150])
    young.close()
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)) as looking:
        read = "SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'payments'"
        assert looking.execute(read).fetchone() == (0,)

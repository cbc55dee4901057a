"""Transactions, snapshots and locks."""

from __future__ import annotations

import threading
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest

from earnest.payment.errors import Misconfigured, Unavailable
from earnest.store import Store, open_store
from earnest.store.errors import AlreadyThere, LockTaken, StoreFailure, StoreInUse
from tests.support.ledger import MERCHANT, make_payment
from tests.support.stores import Opener


class StopHereError(Exception):
    """Stands for whatever goes wrong in the middle."""


def test_an_exception_rolls_everything_back(store: Store) -> None:
    with pytest.raises(StopHereError), store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
        raise StopHereError
    with store.read() as tx:
        assert [each.id for each in tx.merchants.list()] == [MERCHANT.id]


def test_a_row_twice_is_told_as_already_there_and_rolls_back(store: Store) -> None:
    with pytest.raises(AlreadyThere), store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
        tx.merchants.add(MERCHANT)
    with store.read() as tx:
        assert len(tx.merchants.list()) == 1


def test_a_reader_sees_one_snapshot(store: Store) -> None:
    with store.read() as reader:
        assert len(reader.merchants.list()) == 1
        with store.transaction() as tx:
            tx.merchants.add(replace(MERCHANT, id="mer_2"))
        assert len(reader.merchants.list()) == 1
    with store.read() as reader:
        assert len(reader.merchants.list()) == 2


def test_a_reader_does_not_wait_for_a_writer(store: Store) -> None:
    with store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
        with store.read() as reader:
            assert len(reader.merchants.list()) == 1


def test_on_postgresql_a_reader_cannot_write(store: Store, request: pytest.FixtureRequest) -> None:
    if "sqlite" in request.node.name:
        # There a reader that writes would get the lock late; nothing on our side does it.
        return
    with pytest.raises(Misconfigured), store.read() as reader:
        reader.merchants.add(replace(MERCHANT, id="mer_2"))


def test_rows_that_others_point_to_cannot_be_missing(store: Store) -> None:
    with pytest.raises(StoreFailure), store.transaction() as tx:
        tx.payments.add(make_payment(account="mer_nobody"))


def test_many_threads_write_without_being_refused(store: Store) -> None:
    failures: list[BaseException] = []

    def add(number: int) -> None:
        try:
            for index in range(10):
                with store.transaction() as tx:
                    tx.merchants.add(replace(MERCHANT, id=f"mer_{number}_{index}"))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with store.read() as tx:
        assert len(tx.merchants.list()) == 81


def test_what_was_committed_is_there_for_the_next_process(database_url: str, opening: Opener) -> None:
    first = opening(database_url)
    first.upgrade()
    with first.transaction() as tx:
        tx.merchants.add(MERCHANT)
    second = opening(database_url)
    second.check()
    with second.read() as tx:
        assert tx.merchants.get(MERCHANT.id) == MERCHANT


def test_a_lock_is_held_by_one_and_free_afterwards(database_url: str, opening: Opener) -> None:
    one, other = opening(database_url), opening(database_url)
    is_sqlite = database_url.startswith("sqlite")
    with one.lock("serve"):
        with pytest.raises(StoreInUse if is_sqlite else LockTaken) as refusal, other.lock("serve"):
            pass
        assert isinstance(refusal.value, Misconfigured if is_sqlite else Unavailable)
        assert ("use PostgreSQL" if is_sqlite else "another process") in str(refusal.value)
        with other.lock("another"):
            pass
    with other.lock("serve"):
        pass


def _hold_for_ever(url: str, ready: Path) -> None:
    with open_store(url).lock("serve"):
        ready.touch()
        threading.Event().wait()


def test_a_lock_is_free_once_its_process_was_killed(database_url: str, tmp_path: Path, opening: Opener) -> None:
    ready = tmp_path / "ready"
    process = get_context("spawn").Process(target=_hold_for_ever, args=(database_url, ready), daemon=True)
    process.start()
    while not ready.exists():
        assert process.is_alive()
        process.join(0.02)
    store = opening(database_url)
    with pytest.raises((StoreInUse, LockTaken)), store.lock("serve"):
        pass
    process.kill()
    process.join()
    for _ in range(100):  # PostgreSQL notices after a moment
        try:
            with store.lock("serve"):
                break
        except LockTaken:
            threading.Event().wait(0.05)
    else:
        pytest.fail("the lock was not released")


def test_a_transaction_inside_a_transaction_is_refused_on_sqlite(sqlite_url: str, opening: Opener) -> None:
    store = opening(sqlite_url)
    with store.transaction(), pytest.raises(RuntimeError, match="inside a transaction"), store.transaction():
        pass


def test_sqlite_keeps_what_it_committed_through_a_power_cut(sqlite_url: str, opening: Opener) -> None:
    """Merchants ship goods on our word: each commit must be on the disk."""
    store = opening(sqlite_url)
    with store.read() as tx:
        answers = {
            name: tx.merchants._connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert answers == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 10_000}

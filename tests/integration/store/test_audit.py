"""The audit log: a chain with one end, in which no entry can be altered, replaced or taken away unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from earnest.store import Store
from earnest.store.audit import BEGINNING, Deed
from tests.support.ledger import MERCHANT, START


def write(store: Store, number: int, **changes: Any) -> None:
    fields: dict[str, Any] = {
        "merchant_id": MERCHANT.id,
        "detail": {"number": number, "é": ["<b>", None, True]},
        "request_id": f"req_{number}",
        **changes,
    }
    with store.transaction() as tx:
        tx.audit.add(Deed(START + number, "key:key_1", "endpoint.update", f"we_{number}", **fields))


def broken(store: Store) -> str | None:
    with store.read() as tx:
        return tx.audit.first_broken()


def tamper(store: Store, statement: str) -> None:
    """Do what nobody of ours does, past the store."""
    engine = create_engine(store._url)
    with engine.begin() as connection:
        assert connection.execute(text(statement)).rowcount > 0
    engine.dispose()


def test_entries_form_a_chain_and_come_back_as_they_were_written(store: Store) -> None:
    assert broken(store) is None
    for number in range(1, 6):
        write(store, number)
    write(store, 6, merchant_id=None, detail=None, request_id=None)
    assert broken(store) is None
    with store.read() as tx:
        first = tx.audit.page(MERCHANT.id, limit=3)
        rest = tx.audit.page(MERCHANT.id, limit=3, cursor=first.next_cursor)
        last = tx.audit.last()
        assert tx.audit.page("mer_2").items == []
    entries = [*first.items, *rest.items][::-1]
    assert [each.number for each in entries] == [1, 2, 3, 4, 5]
    assert [each.previous for each in entries] == [BEGINNING, *(each.hash for each in entries[:-1])]
    assert entries[1].deed.detail == {"number": 2, "é": ["<b>", None, True]}
    assert (entries[1].deed.actor, entries[1].deed.request_id) == ("key:key_1", "req_2")
    assert last is not None and last.previous == entries[-1].hash


@pytest.mark.parametrize(
    "change",
    [
        "at = at + 1",
        "merchant_id = 'mer_2'",
        "merchant_id = NULL",
        "actor = 'key:key_2'",
        "action = 'endpoint.delete'",
        "target = 'we_9'",
        "detail = '{}'",
        "detail = 'no json'",
        "request_id = NULL",
        f"hash = '{BEGINNING}'",
    ],
)
def test_an_altered_entry_is_named(store: Store, change: str) -> None:
    for number in range(1, 6):
        write(store, number)
    tamper(store, f"UPDATE audit_log SET {change} WHERE number = 3")
    assert broken(store) == "entry 3 of the audit log was altered after it was written"
    with store.read() as tx:
        tx.audit.page(MERCHANT.id)


def test_a_missing_entry_is_named(store: Store) -> None:
    for number in range(1, 8):
        write(store, number)
    tamper(store, "DELETE FROM audit_log WHERE number = 1")
    assert broken(store) == "entry 1 of the audit log is missing"
    tamper(store, "DELETE FROM audit_log WHERE number IN (2, 3)")
    assert broken(store) == "entry 1 to 3 of the audit log is missing"


def test_an_entry_that_was_replaced_by_a_whole_one_is_named(store: Store) -> None:
    for number in range(1, 5):
        write(store, number)
    tamper(store, "DELETE FROM audit_log WHERE number > 2")
    write(store, 30)
    tamper(store, "UPDATE audit_log SET previous = hash WHERE number = 2")
    assert broken(store) == "entry 2 of the audit log does not follow entry 1: one of them was replaced"


def test_a_deed_that_is_rolled_back_leaves_no_entry(store: Store) -> None:
    write(store, 1)
    with pytest.raises(RuntimeError), store.transaction() as tx:
        tx.audit.add(Deed(START, "host", "merchant.create", "mer_9"))
        raise RuntimeError
    write(store, 2)
    assert broken(store) is None
    with store.read() as tx:
        last = tx.audit.last()
    assert last is not None and last.number == 2


def test_many_who_write_at_once_make_one_chain(store: Store) -> None:
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda number: write(store, number), range(60)))
    assert broken(store) is None
    with store.read() as tx:
        last = tx.audit.last()
    assert last is not None and last.number == 60

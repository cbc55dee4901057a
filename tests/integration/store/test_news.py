"""Notifications by position: who follows them passes over none, whatever order transactions end in."""

from __future__ import annotations

from threading import Event, Thread

from earnest.store import Store
from earnest.store.records import Notification
from tests.support.ledger import CHAIN_ID, MERCHANT, digest


def notification(number: int) -> Notification:
    return Notification(
        f"msg_{number}", MERCHANT.id, CHAIN_ID, digest(f"payment {number}"), 1, "payment.funded", {"n": number}, 0
    )


def add(store: Store, number: int) -> None:
    with store.transaction() as tx:
        tx.outbox.add([notification(number)])


def test_positions_rise_and_name_what_came_after(store: Store) -> None:
    with store.read() as tx:
        assert (tx.news.newest(), tx.news.newest_of(MERCHANT.id)) == (0, None)
        assert tx.news.merchants_since(0) == {}
    for number in range(5):
        add(store, number)
    with store.read() as tx:
        told = tx.news.after(MERCHANT.id, 0, 3)
        rest = tx.news.after(MERCHANT.id, told[-1][0], 10)
        assert [each.id for _, each in [*told, *rest]] == [f"msg_{number}" for number in range(5)]
        assert tx.news.newest_of(MERCHANT.id) == (tx.news.newest(), "msg_4")
        assert tx.news.position_of(MERCHANT.id, "msg_2") == told[2][0]
        assert tx.news.position_of("mer_2", "msg_2") is None
        assert tx.news.after("mer_2", 0, 10) == []
        assert tx.news.merchants_since(told[2][0]) == {MERCHANT.id: tx.news.newest()}
        assert tx.news.merchants_since(tx.news.newest()) == {}


def test_a_writer_that_ends_later_is_not_seen_later_than_one_that_began_after_it(store: Store) -> None:
    """Both write at once; whatever is seen at any moment has nothing new below it afterwards."""
    written, go_on = Event(), Event()

    def slow() -> None:
        with store.transaction() as tx:
            tx.outbox.add([notification(1)])
            written.set()
            go_on.wait(10)

    first = Thread(target=slow)
    first.start()
    written.wait(10)
    second = Thread(target=add, args=(store, 2))
    second.start()
    second.join(0.5)
    with store.read() as tx:
        seen = [each.id for _, each in tx.news.after(MERCHANT.id, 0, 10)]
    go_on.set()
    first.join(10)
    second.join(10)
    with store.read() as tx:
        told = [each.id for _, each in tx.news.after(MERCHANT.id, 0, 10)]
    assert told == ["msg_1", "msg_2"]
    assert seen == told[: len(seen)]

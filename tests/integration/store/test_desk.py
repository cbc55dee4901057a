"""What the merchant's desk keeps and asks: sessions, what is due, and what does not arrive."""

from __future__ import annotations

from dataclasses import replace

from earnest.payment.events import EventKind
from earnest.payment.record import Payment
from earnest.store import Store, Transaction
from earnest.store.glance import Trouble
from earnest.store.records import ApiKey, Attempt, DeliveryState, Endpoint, Notification, Session
from tests.support.ledger import CHAIN_ID, MERCHANT, START, FakeChain, digest, make_payment
from tests.support.stores import make_mirror

KEY = ApiKey("key_1", MERCHANT.id, "aa" * 32, "ek_test_ab12", frozenset({"payments:read"}), START)
SESSION = Session("bb" * 32, MERCHANT.id, START, START, START + 100, key_id=KEY.id)
ENDPOINT = Endpoint("we_1", MERCHANT.id, "https://shop.test/hook", frozenset(), b"sealed", START)


def test_a_session_is_found_by_its_hash_until_it_is_ended(store: Store) -> None:
    later = replace(SESSION, hash="cc" * 32, ends_at=START + 200, created_at=START + 1)
    with store.transaction() as tx:
        tx.keys.add(KEY)
        tx.sessions.add(SESSION)
        tx.sessions.add(later)
    with store.transaction() as tx:
        assert tx.sessions.find(SESSION.hash) == SESSION
        assert tx.sessions.find("dd" * 32) is None
        assert tx.sessions.list(MERCHANT.id) == [later, SESSION]
        tx.sessions.see(SESSION.hash, START + 9)
        assert tx.sessions.find(SESSION.hash) == replace(SESSION, seen_at=START + 9)
        assert tx.sessions.forget_ended(START + 100) == 1
        assert tx.sessions.find(SESSION.hash) is None
        assert tx.sessions.end(later.hash)
        assert not tx.sessions.end(later.hash)


def test_a_text_to_sign_is_taken_once_and_not_late(store: Store) -> None:
    with store.transaction() as tx:
        tx.sessions.ask("aa" * 32, MERCHANT.payout, START + 300)
        tx.sessions.ask("bb" * 32, MERCHANT.payout, START + 300)
    with store.transaction() as tx:
        assert tx.sessions.take("aa" * 32, START + 299) == MERCHANT.payout
        assert tx.sessions.take("aa" * 32, START + 299) is None
        assert tx.sessions.take("bb" * 32, START + 300) is None
        assert tx.sessions.take("cc" * 32, START) is None


def test_an_account_is_found_by_the_wallet_that_is_paid(store: Store) -> None:
    with store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2", created_at=START + 1))
    with store.read() as tx:
        assert [each.id for each in tx.merchants.paid_to(MERCHANT.payout)] == [MERCHANT.id, "mer_2"]
        assert tx.merchants.paid_to(MERCHANT.arbiter) == []


def test_a_key_is_found_by_its_name(store: Store) -> None:
    with store.transaction() as tx:
        tx.keys.add(KEY)
    with store.read() as tx:
        assert tx.keys.get("key_1") == KEY
        assert tx.keys.get("key_2") is None


def told(number: int, type_: str = "payment.funded", payment: Payment | None = None) -> Notification:
    id_ = payment.id if payment else digest(f"payment {number}")
    return Notification(f"msg_{number}", MERCHANT.id, CHAIN_ID, id_, number, type_, {"n": number}, START + number)


def tell(tx: Transaction, *notifications: Notification) -> None:
    tx.outbox.add(notifications)


def test_what_does_not_arrive_is_counted_by_endpoint(store: Store) -> None:
    with store.transaction() as tx:
        tx.endpoints.add(ENDPOINT)
        tell(tx, *(told(number) for number in range(1, 5)))
        for number, state in ((1, DeliveryState.DEAD), (2, DeliveryState.PENDING), (3, DeliveryState.DELIVERED)):
            tried = Attempt(f"msg_{number}", ENDPOINT.id, 1, START, 500, "no", 3)
            tx.outbox.record(tried, state, retry_at=START + 60)
    with store.read() as tx:
        assert tx.glance.trouble([ENDPOINT.id, "we_2"]) == {ENDPOINT.id: Trouble(1, 1), "we_2": Trouble(0, 0)}
        carried = tx.glance.carried(["msg_1", "msg_4", "msg_9"])
        assert [(each.delivery.state, each.status_code, each.error) for each in carried["msg_1"]] == [
            (DeliveryState.DEAD, 500, "no")
        ]
        assert [(each.delivery.state, each.status_code) for each in carried["msg_4"]] == [(DeliveryState.PENDING, None)]
        assert "msg_9" not in carried


def test_what_a_reorg_took_back_is_told_newest_first(store: Store) -> None:
    with store.transaction() as tx:
        tell(tx, told(1, "payment.reorged"), told(2), told(3, "payment.reorged"), told(4, "payment.reorged"))
    with store.read() as tx:
        assert [each.id for each in tx.glance.reorged(MERCHANT.id, START + 2, 5)] == ["msg_4", "msg_3"]
        assert [each.id for each in tx.glance.reorged(MERCHANT.id, START, 1)] == ["msg_4"]
        assert tx.glance.reorged("mer_2", START, 5) == []


def test_what_has_to_be_delivered_soon_comes_in_its_order(store: Store) -> None:
    chain, mirror = FakeChain(), make_mirror(store)
    mirror.take([chain.mine()])
    payments = [make_payment(number) for number in range(1, 4)]
    with store.transaction() as tx:
        for payment in payments:
            tx.payments.add(payment)
    for payment in payments[:2]:
        mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    with store.read() as tx:
        paid = [tx.payments.get(CHAIN_ID, payment.id) for payment in payments[:2]]
        ends = [each.state.since + each.terms.delivery_period for each in paid if each is not None]
        assert ends[0] < ends[1]
        assert tx.glance.due(MERCHANT.id, CHAIN_ID, ends[1] + 1, 9) == paid
        assert tx.glance.due(MERCHANT.id, CHAIN_ID, ends[1], 9) == paid[:1]
        assert tx.glance.due(MERCHANT.id, CHAIN_ID, ends[1] + 1, 1) == paid[:1]
        assert tx.glance.due(MERCHANT.id, CHAIN_ID + 1, ends[1] + 1, 9) == []
        assert tx.glance.due("mer_2", CHAIN_ID, ends[1] + 1, 9) == []

"""What a block asks and writes without waiting in between is the same as one after the other, and fails as loudly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earnest.mirror.window import ref
from earnest.payment.events import EventKind, OperatorDismissed, PaymentEvent
from earnest.store import Store
from earnest.store.bulk import COPY_FROM_ROWS
from earnest.store.records import Endpoint, Notification
from tests.support.ledger import CHAIN_ID, MERCHANT, START, FakeChain, make_payment
from tests.support.stores import create, make_mirror, told, types

PAYMENTS, ENDPOINTS = 15, 10


def test_the_few_events_of_a_block_may_have_deliveries_to_many_endpoints(store: Store) -> None:
    assert PAYMENTS * ENDPOINTS > COPY_FROM_ROWS, "so many rows are written by COPY where nothing stands against it"
    mirror, chain = make_mirror(store), FakeChain()
    with store.transaction() as tx:
        for number in range(ENDPOINTS):
            tx.endpoints.add(Endpoint(f"we_{number}", MERCHANT.id, "https://shop.test", frozenset(), b"s", START))
    made = [create(store, make_payment(number)) for number in range(PAYMENTS)]
    mirror.take([chain.mine(*(chain.next(each, EventKind.PAYMENT_FUNDED) for each in made))])
    assert len(told(store)) == PAYMENTS
    with store.transaction() as tx:
        claimed = tx.outbox.claim(START + 10**6, 2 * PAYMENTS * ENDPOINTS, 60)
    assert len({(each.notification_id, each.endpoint_id) for each, _, _ in claimed}) == PAYMENTS * ENDPOINTS


def test_what_fails_in_between_is_raised_and_nothing_is_written(store: Store) -> None:
    """An event of no payment at all, sent before something that would do."""
    mirror, chain = make_mirror(store), FakeChain()
    mirror.take([chain.mine()])
    before = mirror.position()
    payment = make_payment()
    block = chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))
    (log,) = block.logs
    assert isinstance(log.event, PaymentEvent)
    event = (ref(block.block), log.tx_hash, log.log_index, replace(log.event, payment_id=None))  # type: ignore[arg-type]
    with pytest.raises(Exception, match=r"(?i)not.null"), store.transaction() as tx, tx.together():
        tx.events.add_logs(CHAIN_ID, [event])
        tx.blocks.prune(CHAIN_ID, 10)
    assert mirror.position() == before
    with store.read() as tx:
        assert tx.events.timeline(CHAIN_ID, payment.id) == []


@pytest.mark.parametrize("began_anew", [False, True], ids=["goes on", "began anew"])
def test_of_finality_is_told_alike_whether_it_was_foreseen_or_not(store: Store, *, began_anew: bool) -> None:
    """With the merchant's rule and what he dismissed, which are read along with a payment that is foreseen."""
    mirror, chain = make_mirror(store), FakeChain()
    payment = create(store, make_payment())
    mirror.take([chain.mine(chain.next(payment, EventKind.PAYMENT_FUNDED))])
    may_confirm = [{"merchant", "operator"}]
    assert [who_may(each, "confirm_delivery") for each in told(store)] == may_confirm
    mirror.take([chain.mine(OperatorDismissed(payment.terms.merchant, payment.terms.operator))])
    if began_anew:
        mirror = make_mirror(store)
    mirror.take([chain.mine(), chain.finalize()])
    assert types(told(store)) == ["funded", "finalized"]
    assert [who_may(each, "confirm_delivery") for each in told(store)] == [*may_confirm, {"merchant"}]


def who_may(notification: Notification, verb: str) -> set[str]:
    (by,) = (each["by"] for each in notification.payload["data"]["actions"] if each["verb"] == verb)
    return set(by)

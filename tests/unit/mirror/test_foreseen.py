"""What is read ahead of the question what a batch touches: a guess that may be wrong either way."""

from __future__ import annotations

from dataclasses import replace

from earnest.mirror.foreseen import REMEMBERED, Foreseen
from earnest.payment.events import EventKind, PaymentEvent
from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef
from earnest.payment.status import Status
from earnest.store.records import StoredEvent
from tests.support.ledger import CHAIN_ID


def event(block_number: int, payment: str = "0xaa") -> StoredEvent:
    block = BlockRef(block_number, Hash32(f"0x{block_number:064x}"), block_number)
    told = PaymentEvent(EventKind.DELIVERY_CONFIRMED, Hash32(payment), 2, Status.DELIVERED, 1)
    return StoredEvent(CHAIN_ID, block, Hash32("0x00"), 0, told)


def test_a_payment_is_foreseen_once_its_event_can_become_final() -> None:
    foreseen = Foreseen()
    foreseen.after([event(5, "0xaa"), event(6, "0xbb")], -1)
    assert foreseen.up_to(4) == set()
    assert foreseen.up_to(5) == {"0xaa"}
    assert foreseen.up_to(6) == {"0xaa", "0xbb"}


def test_what_is_final_is_not_foreseen_again() -> None:
    foreseen = Foreseen()
    foreseen.after([event(5, "0xaa")], -1)
    foreseen.after([event(6, "0xbb")], 5)
    assert foreseen.up_to(10) == {"0xbb"}


def test_no_more_are_remembered_than_some() -> None:
    foreseen = Foreseen()
    foreseen.after((replace(event(number, f"0x{number}")) for number in range(REMEMBERED + 10)), -1)
    assert len(foreseen.up_to(2 * REMEMBERED)) == REMEMBERED
    assert "0x0" not in foreseen.up_to(2 * REMEMBERED)

"""Refunds asked for at awkward moments: nothing goes back to the buyer that nobody asked for."""

from __future__ import annotations

from typing import Any

import pytest

from earnest.chain.sending import TxState
from earnest.payment.events import EventKind
from earnest.payment.primitives import Hash32
from earnest.payment.record import BlockRef
from earnest.payment.status import Status
from tests.unit.api.house import House

DAY = 86_400


@pytest.fixture
def funded(house: House) -> str:
    """A payment of 1.00 that is funded."""
    payment = str(house.create()["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def refund(house: House, payment: str, value: str, key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    return house.post(f"/v1/payments/{payment}/refund", {"amount": {"value": value}}, headers=headers)


@pytest.mark.parametrize("state", [TxState.INCLUDED, TxState.FINAL])
def test_a_part_that_the_mirror_has_not_seen_yet_is_not_sent_again_because_the_buyer_moved(
    house: House, funded: str, state: TxState
) -> None:
    """The sender saw the refund mined, the mirror is a block behind, and a release by the buyer came in between."""
    first = refund(house, funded, "0.10").json()["tx"]["id"]
    house.happen(funded, EventKind.PAYMENT_RELEASED, Status.FUNDED)
    head = house.chain.head
    above = BlockRef(head.number + 1, Hash32("0x" + "99" * 32), head.timestamp + 12)
    house.sender.journal.set_state(first, state, block=above)
    again = refund(house, funded, "0.10")
    assert (again.status_code, again.json()["code"]) == (409, "refund_under_way")
    assert first in again.json()["detail"]
    assert len(house.sender.submitted) == 1


def test_a_key_that_stands_for_another_amount_is_refused_even_when_its_answer_is_forgotten(
    house: House, funded: str
) -> None:
    first = refund(house, funded, "0.10", "K").json()["tx"]["id"]
    house.moment[0] += 8 * DAY
    other = refund(house, funded, "0.20", "K")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    house.moment[0] += 8 * DAY
    assert refund(house, funded, "0.10", "K").json()["tx"]["id"] == first
    assert len(house.sender.submitted) == 1

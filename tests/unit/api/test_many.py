"""Many payments by one request: what is sent by which tx, and what is left out and why."""

from __future__ import annotations

from typing import Any

import pytest

from earnest.api.schemas.payments import ManyAccepted
from earnest.escrow.txs import MAX_ITEMS
from earnest.payment.events import EventKind
from earnest.payment.terms import DAY
from tests.unit.api.house import House


def many(house: House, verb: str, ids: list[str], **how: Any) -> Any:
    return house.post(f"/v1/payments/{verb}", {"payments": ids}, **how)


def funded(house: House, **body: Any) -> str:
    payment = str(house.create(**body)["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def test_many_confirmations_tell_the_tx_and_what_was_left_out(house: House) -> None:
    one, two, created = funded(house), funded(house), house.create()["id"]
    answer = many(house, "confirm_delivery_many", [one, created, two])
    assert answer.status_code == 202
    told = ManyAccepted.model_validate(answer.json())
    (batch,) = told.sent
    assert batch.payments == [one, two]
    assert (batch.tx.verb, batch.tx.payment, batch.tx.state) == ("confirm_delivery_many", None, "signed")
    (left_out,) = told.left_out
    assert (left_out.payment, left_out.code) == (created, "conflict")
    assert "created" in left_out.detail
    again = many(house, "confirm_delivery_many", [one, two]).json()
    assert again["sent"][0]["tx"]["id"] == batch.tx.id
    assert len(house.sender.submitted) == 1


def test_payments_of_different_terms_go_by_a_tx_each(house: House) -> None:
    one, two = funded(house), funded(house, dispute_window=2 * DAY)
    told = many(house, "confirm_delivery_many", [one, two]).json()
    assert [each["payments"] for each in told["sent"]] == [[one], [two]]


def test_what_is_not_to_be_released_yet_says_from_when_on(house: House) -> None:
    early = funded(house)
    house.happen(early, EventKind.DELIVERY_CONFIRMED)
    told = many(house, "release_many", [early]).json()
    assert told["sent"] == []
    assert told["left_out"][0]["code"] in ("too_early", "conflict")
    house.tell(house.chain.mine(seconds=2 * DAY))
    told = many(house, "release_many", [early]).json()
    assert told["sent"][0]["payments"] == [early]
    assert told["sent"][0]["tx"]["verb"] == "release_many"


def test_anothers_payment_is_left_out_as_if_it_were_not_there(house: House) -> None:
    stranger = "0x" + "ab" * 32
    told = many(house, "confirm_delivery_many", [stranger, funded(house)]).json()
    assert [(each["payment"], each["code"]) for each in told["left_out"]] == [(stranger, "not_found")]
    assert len(told["sent"]) == 1


@pytest.mark.parametrize(
    ("ids", "param"),
    [([], "payments"), (["0x" + "ab" * 32] * (MAX_ITEMS + 1), "payments"), (["0x" + "ab" * 32, "0x1"], "payments.1")],
    ids=["none", "too many", "no id"],
)
@pytest.mark.parametrize("verb", ["confirm_delivery_many", "release_many"])
def test_a_bad_list_is_refused_as_a_whole(shared: House, verb: str, ids: list[str], param: str) -> None:
    answer = many(shared, verb, ids)
    assert (answer.status_code, answer.json()["param"]) == (422, param)


def test_a_key_that_may_only_read_sends_no_batch(house: House) -> None:
    key = house.new_key("payments:read")
    assert many(house, "release_many", [funded(house)], key=key).status_code == 403
    assert house.sender.submitted == []


def test_the_same_idempotency_key_gives_the_stored_answer(house: House) -> None:
    ids, headers = [funded(house)], {"Idempotency-Key": "morning"}
    first = many(house, "confirm_delivery_many", ids, headers=headers)
    again = many(house, "confirm_delivery_many", ids, headers=headers)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == first.json()

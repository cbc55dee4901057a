"""The same request twice is done once and answered the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from earnest.api.once import LEASE_SECONDS
from earnest.chain.sending import TxState
from earnest.commands.scopes import SCOPES
from earnest.payment.errors import Unavailable
from earnest.payment.events import EventKind
from earnest.payment.terms import DAY
from earnest.testing.crashes import Crash, CrashPoints
from tests.support.ledger import MERCHANT
from tests.unit.api.house import House, client_of, open_house

ONE = {"amount": {"value": "1.00", "token": "USDX"}}


def keyed(key: str) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


def payments(house: House) -> int:
    return len(house.get("/v1/payments").json()["data"])


def test_the_same_key_and_body_gives_the_stored_answer(house: House) -> None:
    first, again = (house.post("/v1/payments", ONE, **keyed("k")) for _ in range(2))
    assert (again.status_code, again.content) == (201, first.content)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert payments(house) == 1


def test_the_same_key_with_another_request_is_refused(house: House) -> None:
    house.post("/v1/payments", ONE, **keyed("k"))
    other_body = house.post("/v1/payments", {**ONE, "order_reference": "x"}, **keyed("k"))
    other_path = house.post("/v1/webhook_endpoints", ONE, **keyed("k"))
    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
    assert (other_path.status_code, other_path.json()["code"]) == (422, "idempotency_key_reused")
    assert payments(house) == 1


def test_a_key_belongs_to_its_merchant(house: House) -> None:
    with house.store.transaction() as tx:
        tx.merchants.add(replace(MERCHANT, id="mer_2"))
    one = house.post("/v1/payments", ONE, **keyed("k"))
    two = house.post("/v1/payments", ONE, key=house.new_key(*SCOPES, merchant="mer_2"), **keyed("k"))
    assert (one.status_code, two.status_code) == (201, 201)
    assert one.json()["id"] != two.json()["id"]


def test_a_request_still_running_is_409_and_retryable(house: House) -> None:
    seen: list[Any] = []

    def ask_again(*_params: Any) -> str:
        seen.append(house.post("/v1/payments", ONE, **keyed("k")))
        return "0x60"

    house.node.answers["eth_getCode"] = ask_again
    assert house.post("/v1/payments", ONE, **keyed("k")).status_code == 201
    assert (seen[0].status_code, seen[0].json()["code"], seen[0].json()["retryable"]) == (
        409,
        "idempotency_running",
        True,
    )
    assert payments(house) == 1


def test_whoever_was_taken_for_dead_leaves_nothing_behind(house: House) -> None:
    """The answer is kept in the deed's own transaction, so one that was overtaken is rolled back with it."""

    def overtake(*_params: Any) -> str:
        house.node.answers["eth_getCode"] = "0x60"
        house.moment[0] += 60
        assert house.post("/v1/payments", ONE, **keyed("k")).status_code == 201
        return "0x60"

    house.node.answers["eth_getCode"] = overtake
    late = house.post("/v1/payments", ONE, **keyed("k"))
    assert (late.status_code, late.json()["code"]) == (409, "idempotency_running")
    assert payments(house) == 1
    assert house.post("/v1/payments", ONE, **keyed("k")).headers["idempotency-replayed"] == "true"


def test_a_refusal_is_not_kept_and_its_key_is_free_again(house: House) -> None:
    house.node.answers["eth_getCode"] = Unavailable("the node rests")
    assert house.post("/v1/payments", ONE, **keyed("later")).status_code == 503
    house.node.answers["eth_getCode"] = "0x60"
    assert house.post("/v1/payments", ONE, **keyed("later")).status_code == 201
    bad = {"amount": {"value": "0", "token": "USDX"}}
    first, again = (house.post("/v1/payments", bad, **keyed("typo")) for _ in range(2))
    assert (first.status_code, again.status_code, "idempotency-replayed" in again.headers) == (422, 422, False)
    assert house.post("/v1/payments", ONE, **keyed("typo")).status_code == 201


def test_a_retry_after_the_state_changed_gets_a_fresh_answer(house: House) -> None:
    payment = house.create()["id"]
    early = house.post(f"/v1/payments/{payment}/confirm_delivery", {}, **keyed("c"))
    many = house.post("/v1/payments/confirm_delivery_many", {"payments": [payment]}, **keyed("m"))
    assert (early.status_code, many.status_code, many.json()["sent"]) == (409, 202, [])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    assert house.post(f"/v1/payments/{payment}/confirm_delivery", {}, **keyed("c")).status_code == 202
    assert house.post("/v1/payments/confirm_delivery_many", {"payments": [payment]}, **keyed("m")).json()["sent"]
    house.happen(payment, EventKind.DELIVERY_CONFIRMED)
    for path, body, key in (
        (f"/v1/payments/{payment}/confirm_delivery", {}, "c"),
        ("/v1/payments/confirm_delivery_many", {"payments": [payment]}, "m"),
    ):
        kept = house.post(path, body, **keyed(key))
        assert (kept.status_code, kept.headers["idempotency-replayed"]) == (202, "true")


def killed(house: House, path: str, body: Any, key: str, *, at: str = "sent") -> None:
    """Ask a process that ends at a point of the sender, and let its lease run out."""
    house.sender.points = CrashPoints(at={at: 1})
    other, headers = client_of(house.services), {"Authorization": f"Bearer {house.key}", **keyed(key)["headers"]}
    with pytest.raises(Crash):
        other.post(path, json=body, headers=headers)
    house.sender.points = CrashPoints()
    assert house.post(path, body, **keyed(key)).json()["code"] == "idempotency_running"
    house.moment[0] += LEASE_SECONDS


def funded(house: House, **body: Any) -> str:
    payment = str(house.create(**body)["id"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    return payment


def sent_txs(house: House) -> list[str]:
    with house.store.read() as tx:
        rows = [tx.txs.by_dedupe_key(each.dedupe_key) for each in house.sender.submitted]
    return [row.id for row in rows if row]


@pytest.mark.parametrize(
    ("verb", "kind"),
    [("confirm_delivery", EventKind.DELIVERY_CONFIRMED), ("refund", EventKind.PAYMENT_REFUNDED)],
)
def test_a_retry_of_one_who_died_unanswered_gets_its_tx_although_that_was_mined(
    house: House, verb: str, kind: EventKind
) -> None:
    """The tx is signed and stored, and sent after the crash: that it was done is no reason to refuse it."""
    payment = funded(house)
    path = f"/v1/payments/{payment}/{verb}"
    killed(house, path, {}, "k")
    (sent,) = sent_txs(house)
    house.happen(payment, kind)
    again, third = (house.post(path, {}, **keyed("k")) for _ in range(2))
    assert (again.status_code, again.json()["tx"]["id"]) == (202, sent)
    assert (third.content, third.headers["idempotency-replayed"]) == (again.content, "true")
    assert house.post(path, {}, **keyed("another")).status_code == 409
    assert sent_txs(house) == [sent]


def test_a_retry_of_one_who_died_before_he_sent_anything_is_a_first_try(house: House) -> None:
    payment = funded(house)
    path = f"/v1/payments/{payment}/confirm_delivery"
    killed(house, path, {}, "k", at="asked")
    assert house.post(path, {}, **keyed("k")).status_code == 202
    assert len(sent_txs(house)) == 1


@pytest.mark.parametrize("path", ["{0}/confirm_delivery", "confirm_delivery_many"])
def test_a_retry_gets_the_tx_that_was_stored_unheard(house: House, path: str) -> None:
    """The database went away between storing the tx and saying so: 503 was said, and the tx went out all the same."""
    payment = funded(house)
    path, body = f"/v1/payments/{path.format(payment)}", {"payments": [payment]} if "many" in path else {}
    house.sender.unheard = Unavailable("the database went away")
    assert house.post(path, body, **keyed("k")).status_code == 503
    house.sender.unheard = None
    (sent,) = sent_txs(house)
    house.happen(payment, EventKind.DELIVERY_CONFIRMED)
    again = house.post(path, body, **keyed("k"))
    assert again.status_code == 202
    assert sent in again.text
    assert house.post(path, body, **keyed("k")).content == again.content
    assert sent_txs(house) == [sent]


def test_a_batch_noted_by_two_who_died_is_told_once(house: House) -> None:
    path, body = "/v1/payments/confirm_delivery_many", {"payments": [funded(house)]}
    killed(house, path, body, "m", at="asked")
    killed(house, path, body, "m")
    (sent,) = sent_txs(house)
    answer = house.post(path, body, **keyed("m")).json()
    assert [(each["tx"]["id"], each["payments"]) for each in answer["sent"]] == [(sent, body["payments"])]


def test_a_retry_of_one_whose_tx_reverted_is_sent_anew(house: House) -> None:
    payment = funded(house)
    path = f"/v1/payments/{payment}/confirm_delivery"
    killed(house, path, {}, "k")
    (sent,) = sent_txs(house)
    house.sender.journal.set_state(sent, TxState.FAILED)
    assert house.post(path, {}, **keyed("k")).json()["tx"]["id"] == sent_txs(house)[1] != sent


def test_a_batch_whose_first_try_died_between_sending_and_answering_gets_its_txs_back(house: House) -> None:
    """What was sent by the first try is its answer, although the payments have moved on; the rest is sent now."""
    path = "/v1/payments/confirm_delivery_many"
    one, two, other = funded(house), funded(house), funded(house, dispute_window=2 * DAY)
    created = house.create()["id"]
    body = {"payments": [one, created, other, two]}
    killed(house, path, body, "m")
    (first,) = sent_txs(house)
    for each in (one, two):
        house.happen(each, EventKind.DELIVERY_CONFIRMED)
    killed(house, path, body, "m")
    (_, second) = sent_txs(house)
    house.happen(other, EventKind.DELIVERY_CONFIRMED)
    house.happen(created, EventKind.PAYMENT_FUNDED)
    answer = house.post(path, body, **keyed("m"))
    (*_, third) = sent_txs(house)
    told = [(each["tx"]["id"], each["payments"]) for each in answer.json()["sent"]]
    assert told == [(first, [one, two]), (second, [other]), (third, [created])]
    assert answer.json()["left_out"] == []
    assert house.post(path, body, **keyed("m")).content == answer.content
    left_out = house.post(path, {"payments": [one, two, other]}, **keyed("another")).json()["left_out"]
    assert [each["payment"] for each in left_out] == [one, two, other]


def test_whoever_was_taken_for_dead_sends_nothing_any_more(house: House) -> None:
    payment = funded(house)
    path, body = f"/v1/payments/{payment}/release_with_receipt", {"signature": "0x" + "11" * 65}
    house.node.answers["eth_call"] = "0x1626ba7e" + "00" * 28
    answers: list[Any] = []

    def overtake(*_params: Any) -> str:
        house.node.answers["eth_getCode"] = "0x60"
        house.moment[0] += LEASE_SECONDS
        answers.append(house.post(path, body, **keyed("k")))
        return "0x60"

    house.node.answers["eth_getCode"] = overtake
    late = house.post(path, body, **keyed("k"))
    assert (answers[0].status_code, late.status_code, late.json()["code"]) == (202, 409, "idempotency_running")
    assert len(house.sender.submitted) == 1


def test_a_stored_answer_with_a_secret_is_encrypted(tmp_path: Path) -> None:
    body = {"url": "https://shop.example/hooks"}
    with open_house(tmp_path) as house:
        first, again = (house.post("/v1/webhook_endpoints", body, **keyed("k")) for _ in range(2))
        rotated = house.post(f"/v1/webhook_endpoints/{first.json()['id']}/rotate_secret", **keyed("r")).json()
        assert again.json()["secret"] == first.json()["secret"] != rotated["secret"]
        stored = b"".join(each.read_bytes() for each in tmp_path.iterdir())
        assert first.json()["id"].encode() in stored
        for secret in (first.json()["secret"], rotated["secret"], house.key):
            assert secret.encode() not in stored


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9", "a\tb"])
def test_a_strange_key_is_refused(shared: House, key: str) -> None:
    answer = shared.call("POST", "/v1/payments", json=ONE, headers={"Idempotency-Key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_idempotency_key")


def test_a_verb_is_sent_once_under_one_key(house: House) -> None:
    payment = house.create()["id"]
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    answers = [house.post(f"/v1/payments/{payment}/confirm_delivery", {}, **keyed("c")) for _ in range(2)]
    assert [each.status_code for each in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert len(house.sender.submitted) == 1


def test_old_keys_are_forgotten_and_young_ones_kept(house: House) -> None:
    house.post("/v1/payments", ONE, **keyed("k"))
    idempotency = house.client.app.state.idempotency  # type: ignore[attr-defined]
    house.moment[0] += 86_400
    assert house.post("/v1/payments", ONE, **keyed("k")).headers["idempotency-replayed"] == "true"
    house.moment[0] += 7 * 86_400
    assert "idempotency-replayed" not in house.post("/v1/payments", ONE, **keyed("k")).headers
    assert idempotency.forget_old() == 0

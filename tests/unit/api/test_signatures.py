"""Typed data for wallets, the txs that come of it, and the buyer's receipt."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from earnest.api.schemas.payments import Accepted, PreparedTx, ToSign
from earnest.escrow.txs import selector
from earnest.payment.events import EventKind
from earnest.payment.primitives import parse_address
from earnest.payment.status import Status
from tests.support.ledger import BUYER, ESCROW, OPERATOR, PAYOUT, TOKEN
from tests.unit.api.house import House, open_house
from tests.unit.commands.test_preparing import Token

KEY = Account.from_key("0x" + "03" * 32)
SIGNER = parse_address(KEY.address)
FUNDING = ("fund_with_permit", "fund_with_authorization", "fund_with_permit2")


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        opened.node.answers["eth_call"] = Token()
        yield opened


def wallet(house: House, payment: str, verb: str, signer: str, **query: str) -> Any:
    return house.get(f"/v1/payments/{payment}/txs/{verb}", params={"from": signer, **query}, key=None)


def sign(typed_data: dict[str, Any]) -> str:
    return "0x" + bytes(KEY.sign_message(encode_typed_data(full_message=typed_data)).signature).hex()


@pytest.mark.parametrize("verb", FUNDING)
def test_funding_by_a_signature_takes_two_steps_and_no_knowledge_of_the_verb(house: House, verb: str) -> None:
    payment = house.create()["id"]
    answer = wallet(house, payment, verb, SIGNER)
    assert answer.status_code == 200, answer.text
    asked = ToSign.model_validate(answer.json())
    assert asked.verb == verb
    signature = sign(asked.typed_data)
    tx = wallet(house, payment, verb, SIGNER, signature=signature, **asked.come_back_with)
    told = PreparedTx.model_validate(tx.json())
    assert told.to == ESCROW
    assert signature[2:66] in told.data
    assert SIGNER[2:].lower() in told.data


def test_a_part_of_the_signature_that_is_missing_is_named(house: House) -> None:
    payment = house.create()["id"]
    signature = "0x" + "11" * 65
    assert wallet(house, payment, "fund_with_authorization", OPERATOR, signature=signature).json()["param"] == (
        "valid_before"
    )
    assert wallet(house, payment, "fund_with_permit2", OPERATOR, signature=signature).json()["param"] == "deadline"


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"signature": "0x1"}, "signature"),
        ({"signature": "11"}, "signature"),
        ({"signature": "0x" + "11" * 4_097}, "signature"),
        ({"signature": "0x11", "nonce": "-1"}, "nonce"),
        ({"signature": "0x11", "deadline": "soon"}, "deadline"),
        ({"signature": "0x11", "valid_before": "1e9"}, "valid_before"),
        ({"signature": "0x11", "payer": "0x12"}, "payer"),
        ({"token": "USDX"}, "token"),
    ],
)
def test_what_is_no_signature_and_no_part_of_one_is_refused_by_name(
    house: House, query: dict[str, str], param: str
) -> None:
    answer = wallet(house, house.create()["id"], "fund_with_permit2", BUYER, **query)
    assert (answer.status_code, answer.json()["param"]) == (422, param)


def test_a_receipt_is_signed_ahead_and_then_sent_by_anyone_or_by_the_host(house: House) -> None:
    payment = house.create(buyer=SIGNER)["id"]
    asked = wallet(house, payment, "release_with_receipt", SIGNER).json()
    assert asked["come_back_with"] == {}
    assert asked["typed_data"]["message"] == {"id": payment, "buyer": SIGNER}
    assert wallet(house, payment, "release_with_receipt", BUYER).status_code == 409  # he is not the buyer
    receipt = sign(asked["typed_data"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    tx = wallet(house, payment, "release_with_receipt", OPERATOR, signature=receipt).json()
    assert receipt[2:] in tx["data"]
    answer = house.post(f"/v1/payments/{payment}/release_with_receipt", {"signature": receipt})
    assert answer.status_code == 202, answer.text
    accepted = Accepted.model_validate(answer.json())
    assert (accepted.payment, accepted.tx.verb) == (payment, "release_with_receipt")
    again = house.post(f"/v1/payments/{payment}/release_with_receipt", {"signature": receipt}).json()
    assert again["tx"]["id"] == accepted.tx.id


def test_a_receipt_of_somebody_else_is_refused_before_anything_is_sent(house: House) -> None:
    house.node.answers["eth_getCode"] = "0x6001"
    payment = house.create()["id"]  # anyone's; the first to fund becomes the buyer
    receipt = sign(wallet(house, payment, "release_with_receipt", SIGNER).json()["typed_data"])
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    answer = house.post(f"/v1/payments/{payment}/release_with_receipt", {"signature": receipt})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_buyers_receipt")
    assert house.post(f"/v1/payments/{payment}/release_with_receipt", {"signature": "0xzz"}).status_code == 422
    assert house.post(f"/v1/payments/{payment}/release_with_receipt", {}).status_code == 422
    assert house.sender.submitted == []


def test_collecting_names_another_token_if_asked(house: House) -> None:
    payment = house.create(buyer=BUYER)["id"]
    own, coin = (
        wallet(house, payment, "collect", OPERATOR, **more).json() for more in ({}, {"token": "0x" + "00" * 20})
    )
    assert own["data"].endswith(TOKEN[2:].lower())
    assert coin["data"].endswith("00" * 20)
    assert own["data"][:10] == coin["data"][:10]


def test_repaying_comes_with_its_approval(house: House) -> None:
    payment = house.create()["id"]
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    house.happen(payment, EventKind.PAYMENT_RELEASED, Status.RELEASED)
    assert wallet(house, payment, "repay", OPERATOR).status_code == 409
    told = PreparedTx.model_validate(wallet(house, payment, "repay", PAYOUT, amount="1").json())
    assert [each.to for each in told.before] == [TOKEN]
    assert told.data[-64:] == f"{1:064x}"


def test_dismissing_the_operator_is_the_merchants_alone(house: House) -> None:
    payment = house.create()["id"]
    assert wallet(house, payment, "dismiss_operator", BUYER).status_code == 409
    tx = wallet(house, payment, "dismiss_operator", PAYOUT).json()
    assert tx["data"] == "0x" + selector("dismissOperator(address)").hex() + "00" * 12 + OPERATOR[2:].lower()


def test_a_batch_has_no_tx_for_a_single_payment(house: House) -> None:
    assert wallet(house, house.create()["id"], "release_many", BUYER).json()["param"] == "verb"

"""The buyer's receipt: checked by his key, then by his wallet, before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from earnest.chain.errors import RpcError
from earnest.chain.sending import OutgoingTx
from earnest.commands.confirm_delivery import confirm_delivery
from earnest.commands.errors import NotBuyersReceipt, OperatorWasDismissed
from earnest.commands.own_payment import MOST_RELAY_GAS
from earnest.commands.release_with_receipt import release_with_receipt
from earnest.escrow.txs import selector
from earnest.payment.errors import Conflict, NotFound
from earnest.payment.events import EventKind, OperatorDismissed
from earnest.payment.primitives import Hash32, parse_address
from earnest.payment.record import Payment
from earnest.payment.typed_data import receipt
from tests.support.ledger import CHAIN_ID, ESCROW, MERCHANT, OPERATOR, PAYOUT, address, make_payment
from tests.support.stores import create
from tests.unit.api.house import House, open_house

KEY = Account.from_key("0x" + "03" * 32)
BUYER = parse_address(KEY.address)
MAGIC = "0x1626ba7e" + "00" * 28


@pytest.fixture
def house() -> Iterator[House]:
    with open_house() as opened:
        opened.node.answers["eth_getCode"] = "0x"
        yield opened


@pytest.fixture
def funded(house: House) -> Payment:
    payment = create(house.store, make_payment(buyer=BUYER))
    house.tell(house.chain.mine(house.chain.next(payment, EventKind.PAYMENT_FUNDED)))
    return payment


def signed(payment_id: Hash32, chain_id: int = CHAIN_ID) -> bytes:
    message = receipt(ESCROW, chain_id, payment_id, BUYER)
    return bytes(KEY.sign_message(encode_typed_data(full_message=message.as_json())).signature)


def release(house: House, payment: Payment, signature: bytes) -> OutgoingTx:
    return release_with_receipt(
        house.store, lambda _: house.sender, lambda _: house.node, MERCHANT.id, payment.id, signature
    )


def test_the_buyer_s_own_signature_is_sent_whoever_the_operator_is(house: House, funded: Payment) -> None:
    house.sender.address = address(0xBAD)
    tx = release(house, funded, signed(funded.id))
    assert tx.verb == "release_with_receipt"
    assert signed(funded.id) in house.sender.submitted[0].data
    assert house.sender.submitted[0].most_gas == MOST_RELAY_GAS
    assert release(house, funded, signed(funded.id)).id == tx.id
    assert len(house.sender.submitted) == 1


@pytest.mark.parametrize(
    "signature", [signed(make_payment(2).id), signed(make_payment(buyer=BUYER).id, 1), b"", bytes(65)]
)
def test_a_signature_of_anything_else_is_no_receipt(house: House, funded: Payment, signature: bytes) -> None:
    with pytest.raises(NotBuyersReceipt) as refused:
        release(house, funded, signature)
    assert refused.value.param == "signature"
    assert house.sender.submitted == []


def test_a_buyers_wallet_may_burn_no_more_for_a_look_than_for_the_deed(house: House, funded: Payment) -> None:
    house.node.answers |= {"eth_getCode": "0x6001", "eth_call": RpcError("eth_call", -32000, "out of gas")}
    with pytest.raises(NotBuyersReceipt):
        release(house, funded, b"anything")
    (asked,) = [params[0] for method, params in house.node.calls if method == "eth_call"]
    assert asked["gas"] == hex(MOST_RELAY_GAS)


@pytest.mark.parametrize(
    ("answer", "accepted"),
    [(MAGIC, True), ("0x", False), ("0x" + "00" * 32, False), (RpcError("eth_call", 3, "execution reverted"), False)],
)
def test_a_wallet_is_asked_for_its_own_opinion(house: House, funded: Payment, answer: Any, accepted: bool) -> None:
    house.node.answers |= {"eth_getCode": "0x6001", "eth_call": answer}
    if accepted:
        assert release(house, funded, b"\x01" * 96).verb == "release_with_receipt"
    else:
        with pytest.raises(NotBuyersReceipt):
            release(house, funded, b"\x01" * 96)
    (asked,) = [params[0] for method, params in house.node.calls if method == "eth_call"]
    assert asked["to"] == BUYER
    assert asked["data"].startswith("0x" + selector("isValidSignature(bytes32,bytes)").hex())


def test_what_holds_no_money_or_is_somebody_else_s_is_refused(house: House, funded: Payment) -> None:
    created = create(house.store, make_payment(5, buyer=BUYER))
    with pytest.raises(Conflict, match="created"):
        release(house, created, signed(created.id))
    house.tell(house.chain.mine(house.chain.next(funded, EventKind.PAYMENT_RELEASED)))
    with pytest.raises(Conflict, match="released"):
        release(house, funded, signed(funded.id))
    with pytest.raises(NotFound):
        release(house, replace(created, id=make_payment(6).id), signed(created.id))


def test_confirming_as_a_dismissed_operator_is_refused_before_anything_is_sent(house: House, funded: Payment) -> None:
    house.tell(house.chain.mine(OperatorDismissed(PAYOUT, OPERATOR)))
    with pytest.raises(Conflict) as refused:
        confirm_delivery(house.store, lambda _: house.sender, MERCHANT.id, funded.id)
    assert isinstance(refused.value, OperatorWasDismissed)
    assert house.sender.submitted == []
    house.sender.address = PAYOUT
    assert confirm_delivery(house.store, lambda _: house.sender, MERCHANT.id, funded.id).verb == "confirm_delivery"

"""What unsigned txs carry, and what is refused before anything is encoded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode

from earnest.escrow import txs
from earnest.payment.errors import InvalidAmount, InvalidInput
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.status import Verb
from earnest.payment.terms import TERMS_ABI
from tests.unit.escrow.test_artifact import ESCROW, TERMS

TOKEN = Address("0x" + "22" * 20)


def test_fund_carries_the_amount_as_value_only_when_paid_in_coin() -> None:
    assert txs.fund(ESCROW, 1, TERMS, TERMS.buyer).value == TERMS.amount
    assert txs.fund(ESCROW, 1, replace(TERMS, token=TOKEN), TERMS.buyer).value == 0


def test_terms_arrive_as_they_were() -> None:
    data = txs.refund(ESCROW, 31337, TERMS, 3)
    terms, amount = decode([TERMS_ABI, "uint256"], bytes.fromhex(data.data[10:]))
    assert terms == TERMS.as_tuple()
    assert amount == 3
    assert (data.to, data.chain_id, data.value) == (ESCROW, 31337, 0)


def test_without_an_amount_everything_held_is_meant() -> None:
    for tx in (txs.release(ESCROW, 1, TERMS), txs.refund(ESCROW, 1, TERMS)):
        assert tx.data.endswith("f" * 64)


def test_approve_goes_to_the_token() -> None:
    tx = txs.approve(TOKEN, 1, ESCROW, 12)
    assert tx.to == TOKEN
    assert tx.data == "0x095ea7b3" + "0" * 24 + "11" * 20 + f"{12:064x}"


@pytest.mark.parametrize("amount", [0, -1, 2**128, 2**256 - 1])
def test_amounts_out_of_bounds_are_refused(amount: int) -> None:
    with pytest.raises(InvalidAmount):
        txs.release(ESCROW, 1, TERMS, amount)
    with pytest.raises(InvalidAmount):
        txs.unsigned_tx(Verb.REFUND, ESCROW, 1, TERMS, amount=amount)


def test_resolve_needs_both_parts() -> None:
    with pytest.raises(InvalidInput, match="to_merchant") as caught:
        txs.unsigned_tx(Verb.RESOLVE, ESCROW, 1, TERMS, to_buyer=1)
    assert caught.value.param == "to_merchant"
    with pytest.raises(InvalidAmount):
        txs.resolve(ESCROW, 1, TERMS, -1, 6)


def test_fund_needs_a_buyer_when_the_terms_name_none() -> None:
    terms = replace(TERMS, buyer=ZERO_ADDRESS)
    with pytest.raises(InvalidInput, match="who gets money back"):
        txs.unsigned_tx(Verb.FUND, ESCROW, 1, terms)
    assert txs.unsigned_tx(Verb.FUND, ESCROW, 1, terms, buyer=TOKEN) == txs.fund(ESCROW, 1, terms, TOKEN)


@pytest.mark.parametrize("verb", list(Verb))
def test_every_verb_has_a_tx(verb: Verb) -> None:
    tx = txs.unsigned_tx(verb, ESCROW, 1, TERMS, to_buyer=1, to_merchant=4)
    assert tx.to == ESCROW

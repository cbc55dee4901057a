"""What unsigned txs carry, and what is refused before anything is encoded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode

from earnest.escrow import txs
from earnest.payment.errors import InvalidAmount, InvalidInput
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.status import BATCHES, Verb
from earnest.payment.terms import TERMS_ABI
from tests.unit.escrow.test_artifact import ESCROW, SIGNATURE, TERMS

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


SIGNED = txs.Signed(SIGNATURE, payer=TOKEN, nonce=1, deadline=2, valid_before=3)


@pytest.mark.parametrize("verb", sorted(set(Verb) - BATCHES))
def test_every_verb_has_a_tx(verb: Verb) -> None:
    tx = txs.unsigned_tx(verb, ESCROW, 1, TERMS, amount=5, to_buyer=1, to_merchant=4, signed=SIGNED)
    assert tx.to == ESCROW
    assert tx.value == (TERMS.amount if verb in (Verb.FUND, Verb.REPAY) else 0)


@pytest.mark.parametrize("verb", sorted(BATCHES))
def test_a_batch_is_no_verb_of_one_payment(verb: Verb) -> None:
    with pytest.raises(InvalidInput, match="many payments"):
        txs.unsigned_tx(verb, ESCROW, 1, TERMS)


@pytest.mark.parametrize(
    ("verb", "signed", "missing"),
    [
        (Verb.RELEASE_WITH_RECEIPT, None, "signature"),
        (Verb.FUND_WITH_PERMIT, txs.Signed(SIGNATURE), "deadline"),
        (Verb.FUND_WITH_AUTHORIZATION, txs.Signed(SIGNATURE, payer=TOKEN), "valid_before"),
        (Verb.FUND_WITH_AUTHORIZATION, txs.Signed(SIGNATURE, valid_before=3), "payer"),
        (Verb.FUND_WITH_PERMIT2, txs.Signed(SIGNATURE, payer=TOKEN, deadline=2), "nonce"),
    ],
)
def test_what_a_signature_was_made_over_must_be_told(verb: Verb, signed: txs.Signed | None, missing: str) -> None:
    with pytest.raises(InvalidInput, match=missing) as caught:
        txs.unsigned_tx(verb, ESCROW, 1, TERMS, signed=signed)
    assert caught.value.param == missing


def test_a_permit_is_split_into_its_words_and_its_last_byte_is_as_contracts_take_it() -> None:
    for last in (b"\x00", b"\x1b"):
        tx = txs.fund_with_permit(ESCROW, 1, TERMS, TOKEN, deadline=9, signature=SIGNATURE[:64] + last)
        types = [TERMS_ABI, "address", "uint256", "uint8", "bytes32", "bytes32"]
        _, buyer, deadline, *words = decode(types, bytes.fromhex(tx.data[10:]))
        assert (buyer, deadline) == (TOKEN.lower(), 9)
        assert words == [27, SIGNATURE[:32], SIGNATURE[32:64]]
    with pytest.raises(InvalidInput, match="65"):
        txs.fund_with_permit(ESCROW, 1, TERMS, TOKEN, deadline=9, signature=SIGNATURE[:64])


def test_a_contract_wallet_s_signature_is_passed_on_as_it_is() -> None:
    wallet = b"\x00" * 96
    tx = txs.release_with_receipt(ESCROW, 1, TERMS, wallet)
    assert decode([TERMS_ABI, "bytes"], bytes.fromhex(tx.data[10:]))[1] == wallet


def test_repaid_coin_is_sent_along_and_so_must_be_said() -> None:
    assert txs.repay(ESCROW, 1, TERMS, 3).value == 3
    with pytest.raises(InvalidInput, match="amount"):
        txs.repay(ESCROW, 1, TERMS)
    token = replace(TERMS, token=TOKEN)
    assert txs.repay(ESCROW, 1, token, 3).value == 0
    assert txs.repay(ESCROW, 1, token).data.endswith("f" * 64)


def test_a_batch_carries_what_its_payments_share_once_and_the_rest_an_item_each() -> None:
    others = [replace(TERMS, amount=number, buyer=TOKEN, pay_by=number) for number in range(1, 4)]
    tx = txs.release_many(ESCROW, 1, others)
    common, items = decode([TERMS_ABI, txs.ITEMS_ABI], bytes.fromhex(tx.data[10:]))
    assert common == txs.common_terms(TERMS).as_tuple()
    assert [item[:3] for item in items] == [(TOKEN.lower(), number, number) for number in range(1, 4)]


def test_a_batch_of_strangers_of_none_or_of_too_many_is_refused() -> None:
    for payments in ([TERMS, replace(TERMS, fee_bps=1)], [], [TERMS] * (txs.MAX_ITEMS + 1)):
        with pytest.raises(InvalidInput):
            txs.confirm_delivery_many(ESCROW, 1, payments)


def test_without_an_operator_there_is_nobody_to_dismiss() -> None:
    with pytest.raises(InvalidInput, match="no operator"):
        txs.unsigned_tx(Verb.DISMISS_OPERATOR, ESCROW, 1, replace(TERMS, operator=ZERO_ADDRESS))

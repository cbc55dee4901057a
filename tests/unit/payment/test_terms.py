"""The rules that the terms must keep, each at its very bound."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.address import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from earnest.payment.errors import (
    EarnestError,
    InvalidAddress,
    InvalidAmount,
    InvalidHash,
    InvalidInput,
    TermOutOfBounds,
)
from earnest.payment.primitives import (
    ZERO_ADDRESS,
    checksum_address,
    hash32,
    keccak,
    parse_address,
    parse_hash32,
    to_bytes,
)
from earnest.payment.terms import (
    DAY,
    HOUR,
    MAX_AMOUNT,
    MAX_PAY_BY,
    TERMS_ABI,
    TERMS_TYPEHASH,
    Terms,
    check_terms,
    order_hash,
    payment_id,
)
from tests.support.ledger import ARBITER, BUYER, ESCROW, OPERATOR, PAYOUT, make_terms

NO_DISPUTE = {"dispute_window": 0, "arbiter": ZERO_ADDRESS, "arbitration_period": 0}
NO_FEE = {"fee_bps": 0, "fee_recipient": ZERO_ADDRESS}

GOOD: list[dict[str, Any]] = [
    {},
    NO_DISPUTE,
    NO_FEE,
    {"amount": 1},
    {"amount": MAX_AMOUNT},
    {"buyer": BUYER},
    {"buyer": OPERATOR},
    {"operator": ZERO_ADDRESS},
    {"pay_by": 0},
    {"pay_by": MAX_PAY_BY},
    {"delivery_period": 1},
    {"delivery_period": 400 * DAY},
    {"dispute_window": HOUR},
    {"dispute_window": 400 * DAY},
    {"arbitration_period": DAY},
    {"arbitration_period": 400 * DAY},
    {"fee_bps": 1},
    {"fee_bps": 10_000},
]

BAD: list[tuple[str, dict[str, Any]]] = [
    ("amount", {"amount": 0}),
    ("amount", {"amount": -1}),
    ("amount", {"amount": MAX_AMOUNT + 1}),
    ("merchant", {"merchant": ZERO_ADDRESS}),
    ("merchant", {"merchant": ESCROW}),
    ("buyer", {"buyer": PAYOUT}),
    ("buyer", {"buyer": ESCROW}),
    ("fee_recipient", {"fee_recipient": ESCROW}),
    ("arbiter", {"arbiter": PAYOUT}),
    ("arbiter", {"arbiter": OPERATOR}),
    ("arbiter", {"arbiter": BUYER, "buyer": BUYER}),
    ("pay_by", {"pay_by": -1}),
    ("pay_by", {"pay_by": MAX_PAY_BY + 1}),
    ("delivery_period", {"delivery_period": 0}),
    ("delivery_period", {"delivery_period": 400 * DAY + 1}),
    ("dispute_window", {"dispute_window": 0}),
    ("dispute_window", {"arbiter": ZERO_ADDRESS}),
    ("dispute_window", {"arbitration_period": 0}),
    ("dispute_window", {**NO_DISPUTE, "arbiter": ARBITER}),
    ("dispute_window", {**NO_DISPUTE, "dispute_window": HOUR}),
    ("dispute_window", {"dispute_window": HOUR - 1}),
    ("dispute_window", {"dispute_window": 400 * DAY + 1}),
    ("arbitration_period", {"arbitration_period": DAY - 1}),
    ("arbitration_period", {"arbitration_period": 400 * DAY + 1}),
    ("fee_bps", {"fee_bps": 0}),
    ("fee_bps", {"fee_bps": -1}),
    ("fee_bps", {"fee_bps": 10_001}),
    ("fee_bps", {"fee_recipient": ZERO_ADDRESS}),
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_terms_inside_the_bounds_are_good(changes: dict[str, Any]) -> None:
    check_terms(make_terms(**changes), ESCROW)


@pytest.mark.parametrize(("term", "changes"), BAD, ids=str)
def test_terms_outside_a_bound_name_it(term: str, changes: dict[str, Any]) -> None:
    with pytest.raises((TermOutOfBounds, InvalidAmount)) as refusal:
        check_terms(make_terms(**changes), ESCROW)
    assert refusal.value.param == term
    assert not refusal.value.retryable


def test_an_order_hash_needs_a_salt_of_128_bits() -> None:
    assert order_hash("order 1", b"\x01" * 16) == hash32(keccak(b"\x01" * 16 + b"order 1"))
    with pytest.raises(InvalidInput, match="at least 16"):
        order_hash("order 1", b"\x01" * 15)


@given(st.binary(min_size=20, max_size=20))
def test_an_address_is_read_in_each_of_its_spellings(raw: bytes) -> None:
    lower = "0x" + raw.hex()
    right = checksum_address(lower)
    assert parse_address(lower) == parse_address("0x" + raw.hex().upper()) == parse_address(right) == right
    assert to_bytes(right) == raw


EIP_55 = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@pytest.mark.parametrize("text", EIP_55)
def test_checksums_are_those_of_eip_55(text: str) -> None:
    assert checksum_address(text.lower()) == text
    with pytest.raises(InvalidAddress, match=text):
        parse_address("0x" + text[2:].swapcase(), param="buyer")


@pytest.mark.parametrize(
    "text", ["", "0x", "0x" + "1" * 39, "0x" + "1" * 41, "1" * 40, "0X" + "1" * 40, "0x" + "g" * 40, 5]
)
def test_what_is_no_address_is_refused(text: Any) -> None:
    with pytest.raises(InvalidAddress) as refusal:
        parse_address(text, param="buyer")
    assert refusal.value.param == "buyer"


def test_a_hash_is_lower_case_and_whole() -> None:
    assert parse_hash32("0x" + "AB" * 32) == "0x" + "ab" * 32
    for text in ("0x" + "ab" * 31, "ab" * 32, "0x" + "ab" * 33, f"0x{'ab' * 32}\n"):
        with pytest.raises(InvalidHash):
            parse_hash32(text)


def every(kind: type[EarnestError]) -> list[type[EarnestError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in every(child))]


def test_every_error_has_a_code_of_its_own_in_snake_case() -> None:
    kinds = [kind for kind in every(EarnestError) if kind.__module__.startswith("earnest.payment")]
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert all(code == code.lower() and " " not in code for code in codes)


addresses = st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address("0x" + raw.hex()))


@given(
    data=st.data(),
    amount=st.integers(0, 2**256 - 1),
    fee_bps=st.integers(0, 2**16 - 1),
    pay_by=st.integers(0, 2**40 - 1),
    periods=st.tuples(*[st.integers(0, 2**32 - 1)] * 3),
    order=st.binary(min_size=32, max_size=32),
    chain_id=st.integers(0, 2**64),
)
def test_the_id_is_the_hash_of_what_the_general_encoder_gives(
    data: st.DataObject,
    amount: int,
    fee_bps: int,
    pay_by: int,
    periods: tuple[int, int, int],
    order: bytes,
    chain_id: int,
) -> None:
    buyer, merchant, operator, arbiter, token, fee_recipient, escrow = (data.draw(addresses) for _ in range(7))
    first = buyer, merchant, operator, arbiter, token, amount, fee_recipient
    terms = Terms(*first, fee_bps, pay_by, *periods, hash32(order))
    general = encode(["bytes32", "uint256", "address", TERMS_ABI], [TERMS_TYPEHASH, chain_id, escrow, terms.as_tuple()])
    assert payment_id(terms, chain_id, escrow) == hash32(keccak(general))


MISFITS: list[dict[str, Any]] = [
    {"amount": -1},
    {"amount": 2**256},
    {"fee_bps": -1},
    {"fee_bps": 2**16},
    {"pay_by": -1},
    {"pay_by": 2**64},
    {"delivery_period": 2**32},
    {"dispute_window": 2**32},
    {"arbitration_period": -1},
    {"buyer": BUYER + "00"},
    {"token": "0x"},
    {"order_hash": "0x" + "00" * 31},
]


@pytest.mark.parametrize("changes", MISFITS, ids=str)
def test_terms_that_do_not_fit_into_their_types_have_no_id(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        payment_id(make_terms(**changes), 1, ESCROW)


@pytest.mark.parametrize("chain_id", [-1, 2**256])
def test_on_a_chain_that_cannot_be_there_is_no_id(chain_id: int) -> None:
    with pytest.raises(InvalidInput):
        payment_id(make_terms(), chain_id, ESCROW)


@given(st.binary(min_size=20, max_size=20))
def test_the_checksum_is_that_of_the_library(raw: bytes) -> None:
    assert str(checksum_address("0x" + raw.hex())) == str(to_checksum_address(raw))

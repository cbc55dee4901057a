"""Amounts: exact in both directions, bounded, and never rounded without saying so."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.payment.errors import InvalidAmount
from earnest.payment.money import Token, fee_rounded_down, format_value, parse_base_units, parse_value
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.terms import MAX_AMOUNT
from tests.support.ledger import address

amounts = st.integers(1, MAX_AMOUNT)
decimals = st.integers(0, 36)


def token(places: int) -> Token:
    return Token(address(1), "TST", places)


@given(amounts, decimals)
def test_what_is_shown_can_be_read_back_exactly(base_units: int, places: int) -> None:
    assert parse_value(format_value(base_units, places), token(places)) == base_units


@given(amounts, decimals)
def test_what_is_shown_is_the_amount(base_units: int, places: int) -> None:
    shown = format_value(base_units, places)
    assert Fraction(shown) == Fraction(base_units, 10**places)
    assert format_value(-base_units, places) == f"-{shown}"


@given(amounts)
def test_base_units_are_read_back_exactly(base_units: int) -> None:
    assert parse_base_units(str(base_units)) == base_units


@pytest.mark.parametrize(
    ("base_units", "places", "shown"),
    [
        (100_000_000, 6, "100.00"),
        (1, 6, "0.000001"),
        (1_230_000, 6, "1.23"),
        (1_234_000, 6, "1.234"),
        (0, 6, "0.00"),
        (5, 1, "0.5"),
        (7, 0, "7"),
        (10**18, 18, "1.00"),
    ],
)
def test_amounts_are_shown_with_two_decimals_at_least(base_units: int, places: int, shown: str) -> None:
    assert format_value(base_units, places) == shown


BAD = ["", " ", "1 ", " 1", "+1", "-1", "1e3", "0x10", "01", "1_000", "1,000", "NaN", "inf", "١٢", "1.", ".5", "9" * 99]


@pytest.mark.parametrize("text", [*BAD, "0", "0.0", "1.5", str(2**128)])
def test_strange_base_units_are_refused(text: str) -> None:
    with pytest.raises(InvalidAmount) as refusal:
        parse_base_units(text, param="amount.base_units")
    assert refusal.value.param == "amount.base_units"


@pytest.mark.parametrize("text", [*BAD, "0", "0.00", "1.2345678", str(2**128)])
def test_strange_values_are_refused(text: str) -> None:
    with pytest.raises(InvalidAmount):
        parse_value(text, token(6))


@pytest.mark.parametrize("value", [1, 1.5, None, b"1", True])
def test_only_text_is_read(value: object) -> None:
    with pytest.raises(InvalidAmount):
        parse_value(value, token(6))  # type: ignore[arg-type]
    with pytest.raises(InvalidAmount):
        parse_base_units(value)  # type: ignore[arg-type]


def test_the_bounds_are_those_of_the_escrow() -> None:
    assert parse_base_units(str(2**128 - 1)) == 2**128 - 1
    assert parse_value("0.000001", token(6)) == 1
    with pytest.raises(InvalidAmount, match="decimals of TST"):
        parse_value("0.0000001", token(6))


def test_the_zero_address_is_the_chain_s_own_coin() -> None:
    assert Token(ZERO_ADDRESS, "ETH", 18).is_coin
    assert not token(6).is_coin


@given(st.lists(st.integers(0, MAX_AMOUNT), max_size=8), st.integers(0, 10_000))
def test_slicing_a_release_does_not_dodge_the_fee(parts: list[int], fee_bps: int) -> None:
    fees, released = 0, 0
    for part in parts:
        fees += fee_rounded_down(released, released + part, fee_bps)
        released += part
    assert fees == fee_rounded_down(0, released, fee_bps) == released * fee_bps // 10_000


@given(st.integers(0, MAX_AMOUNT), st.integers(0, MAX_AMOUNT), st.integers(0, 10_000))
def test_a_fee_is_never_negative_and_never_more_than_the_step(before: int, step: int, fee_bps: int) -> None:
    assert 0 <= fee_rounded_down(before, before + step, fee_bps) <= step

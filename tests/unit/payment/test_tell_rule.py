"""The rule by which a merchant says from which finality on he is told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.payment.errors import InvalidAddress, InvalidInput
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.status import Finality
from earnest.payment.tell_rule import AMOUNT_LIMIT, AT_ONCE, parse_tell_rule
from tests.support.ledger import TOKEN, address

INCLUDED, SAFE, FINAL = Finality.INCLUDED, Finality.SAFE, Finality.FINAL
RISING = [INCLUDED, SAFE, FINAL]
OTHER = address(0x0D)


@pytest.mark.parametrize(
    ("amount", "finality"), [(0, INCLUDED), (49, INCLUDED), (50, SAFE), (999, SAFE), (1_000, FINAL), (2**127, FINAL)]
)
def test_small_sums_are_told_at_included_larger_ones_at_safe_large_ones_at_final(
    amount: int, finality: Finality
) -> None:
    rule = parse_tell_rule([f"{TOKEN}:final:1000", f"{TOKEN}:safe:50"])
    assert rule.finality_of(TOKEN, amount) is finality


def test_without_a_rule_everything_is_told_at_included() -> None:
    assert parse_tell_rule([]) == AT_ONCE
    assert AT_ONCE.finality_of(TOKEN, 2**127) is INCLUDED


def test_a_star_stands_for_every_token_without_steps_of_its_own() -> None:
    rule = parse_tell_rule(["*:safe:0", f"{TOKEN}:included:0", f"{ZERO_ADDRESS}:final:7"])
    assert rule.finality_of(OTHER, 1) is SAFE
    assert rule.finality_of(TOKEN, 10**30) is INCLUDED
    assert (rule.finality_of(ZERO_ADDRESS, 6), rule.finality_of(ZERO_ADDRESS, 7)) == (INCLUDED, FINAL)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        (["final"], "TOKEN:FINALITY:AMOUNT"),
        ([f"{TOKEN}:final:1:2"], "TOKEN:FINALITY:AMOUNT"),
        (["*:finalized:0"], "included, safe, final"),
        ([f"{TOKEN}:final:1.5"], "whole number"),
        ([f"{TOKEN}:final:-1"], "whole number"),
        ([f"{TOKEN}:final:²"], "whole number"),
        ([f"{TOKEN}:final:{'9' * 5_000}"], "whole number"),
        ([f"{TOKEN}:final:{AMOUNT_LIMIT}"], "below 2\\^128"),
        (["*:final:1"], "name the token"),
        ([f"{TOKEN}:safe:5", f"{TOKEN}:safe:6"], "contradict"),
        ([f"{TOKEN}:safe:6", f"{TOKEN}:final:6"], "contradict"),
        ([f"{TOKEN}:safe:7", f"{TOKEN}:final:6"], "contradict"),
        (["*:safe:0", "*:final:0"], "contradict"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_to_do(steps: Sequence[str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as refusal:
        parse_tell_rule(steps)
    assert refusal.value.param == "tell"


def test_a_mistyped_token_is_refused() -> None:
    with pytest.raises(InvalidAddress):
        parse_tell_rule(["0x12:final:0"])


levels = st.lists(st.integers(0, AMOUNT_LIMIT - 1), min_size=1, max_size=2, unique=True).map(sorted)


@given(levels=levels, one=st.integers(0, AMOUNT_LIMIT), other=st.integers(0, AMOUNT_LIMIT))
def test_a_larger_sum_is_never_told_earlier_and_what_is_written_is_read_again(
    levels: list[int], one: int, other: int
) -> None:
    rule = parse_tell_rule(f"{TOKEN}:{name}:{level}" for name, level in zip(("safe", "final"), levels, strict=False))
    assert parse_tell_rule(str(rule).split()) == rule
    smaller, larger = (RISING.index(rule.finality_of(TOKEN, amount)) for amount in sorted((one, other)))
    assert smaller <= larger

"""What terms may say, and what their payment is called: the escrow and the pure rules agree on any terms at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earnest.escrow.artifact import load
from earnest.payment.errors import InvalidAmount, TermOutOfBounds
from earnest.payment.primitives import ZERO_ADDRESS, hash32
from earnest.payment.terms import DAY, HOUR, MAX_PERIOD, Terms, check_terms, payment_id
from tests.properties.escrow_machine import calls
from tests.properties.escrow_machine.cast import HOST
from tests.properties.escrow_machine.stage import START, Stage, build
from tests.support.evm_revm import RevmChain


@pytest.fixture(scope="module")
def stage() -> Stage:
    return build(RevmChain(START), load())


PEOPLE = ("nobody", "buyer", "merchant", "operator", "arbiter", "fees", "escrow")
people = st.sampled_from(PEOPLE)
periods = st.sampled_from((0, 1, HOUR - 1, HOUR, DAY - 1, DAY, MAX_PERIOD, MAX_PERIOD + 1, 2**32 - 1))
GOOD: dict[str, str | int] = {
    "buyer": "buyer",
    "merchant": "merchant",
    "operator": "operator",
    "arbiter": "arbiter",
    "fee_recipient": "fees",
    "amount": 10,
    "fee_bps": 250,
    "delivery_period": DAY,
    "dispute_window": DAY,
    "arbitration_period": DAY,
}
changes = st.fixed_dictionaries(
    {},
    optional={
        "buyer": people,
        "merchant": people,
        "operator": people,
        "arbiter": people,
        "fee_recipient": people,
        "amount": st.sampled_from((0, 1, 2**128 - 1, 2**128, 2**256 - 1)),
        "fee_bps": st.sampled_from((0, 1, 10_000, 10_001, 2**16 - 1)),
        "delivery_period": periods,
        "dispute_window": periods,
        "arbitration_period": periods,
    },
)


def made(stage: Stage, changed: dict[str, str | int], order: bytes) -> Terms:
    """Return terms that are good but for what was changed."""
    values = {
        name: value if isinstance(value, int) else _address(stage, value) for name, value in {**GOOD, **changed}.items()
    }
    return replace(
        Terms(**values, token=stage.dollar, pay_by=START, order_hash=hash32(bytes(32))),  # type: ignore[arg-type]
        order_hash=hash32(order),
    )


def _address(stage: Stage, name: str) -> str:
    if name == "nobody":
        return ZERO_ADDRESS
    return stage.escrow if name == "escrow" else stage.cast[name].address


@settings(max_examples=400, deadline=None)
@given(changed=changes, order=st.binary(min_size=32, max_size=32))
def test_escrow_takes_the_terms_that_the_rules_take(stage: Stage, changed: dict[str, str | int], order: bytes) -> None:
    terms = made(stage, changed, order)
    try:
        check_terms(terms, stage.escrow)
        # Without a named buyer somebody is named at funding; the rules leave that to whoever funds.
        good = True
    except (InvalidAmount, TermOutOfBounds):
        good = False
    buyer = terms.buyer if terms.buyer != ZERO_ADDRESS else stage.cast["stranger"].address
    asked = calls.of_terms("checkTerms", terms, ("address", buyer))
    assert stage.evm.call(HOST.address, stage.escrow, asked).succeeded == good


@settings(max_examples=200, deadline=None)
@given(changed=changes, order=st.binary(min_size=32, max_size=32))
def test_escrow_gives_the_payment_the_same_id(stage: Stage, changed: dict[str, str | int], order: bytes) -> None:
    terms = made(stage, changed, order)
    answer = stage.evm.call(HOST.address, stage.escrow, calls.of_terms("idOf", terms))
    assert hash32(answer.output) == payment_id(terms, stage.evm.chain_id, stage.escrow)

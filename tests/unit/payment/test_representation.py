"""The public form of a payment: JSON-ready, whole, and without anything private where the public looks."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.payment.money import Token
from earnest.payment.primitives import ZERO_ADDRESS, parse_address
from earnest.payment.record import BlockRef, ChainView, finality_of
from earnest.payment.representation import LAST_TIME, represent, represent_public, rfc3339
from earnest.payment.status import Finality, Status
from earnest.payment.terms import MAX_PAY_BY, Terms, payment_id
from earnest.payment.transitions import PaymentState
from earnest.payment.uri import payment_uri
from tests.support.ledger import CHAIN_ID, ESCROW, START, TOKEN, digest, make_payment, make_terms

USD = Token(TOKEN, "USDX", 6)


def view(head: int, final: int) -> ChainView:
    return ChainView(block(head), block(final))


def block(number: int) -> BlockRef:
    return BlockRef(number, digest(str(number)), START + number)


def test_a_payment_is_plain_json_and_its_terms_hash_to_its_id() -> None:
    payment = make_payment()
    shown = json.loads(json.dumps(represent(payment, USD, None, safe_depth_blocks=2, checkout_url="http://pay")))
    assert (shown["id"], shown["chain"], shown["status"]) == (payment.id, "eip155:31337", "created")
    assert (shown["finality"], shown["block"], shown["buyer"]) == (None, None, None)
    assert shown["checkout_url"] == "http://pay"
    told = {**shown["terms"], "amount": int(shown["terms"]["amount"])}
    for name in ("buyer", "merchant", "operator", "arbiter", "token", "fee_recipient"):
        told[name] = parse_address(told[name])
    assert payment_id(Terms(**told), CHAIN_ID, ESCROW) == payment.id


def test_the_public_sees_no_order_reference() -> None:
    whole = represent(make_payment(), USD, None, safe_depth_blocks=2, checkout_url="http://pay")
    public = represent_public(whole)
    assert "order-1" not in json.dumps(public)
    assert set(whole) - set(public) == {"order_reference", "foreign", "version", "checkout_url"}


def test_a_created_payment_is_shown_as_expired_once_the_chain_s_clock_says_so() -> None:
    payment = make_payment(pay_by=START + 5)
    assert represent(payment, USD, view(4, 0), safe_depth_blocks=2)["status"] == "created"
    assert represent(payment, USD, view(5, 0), safe_depth_blocks=2)["status"] == "expired"


@pytest.mark.parametrize(
    ("number", "head", "final", "expected"),
    [
        (10, 10, 9, Finality.INCLUDED),
        (10, 11, 9, Finality.INCLUDED),
        (10, 12, 9, Finality.SAFE),
        (10, 12, 10, Finality.FINAL),
        (10, 10, 10, Finality.FINAL),
    ],
)
def test_finality_at_its_bounds(number: int, head: int, final: int, expected: Finality) -> None:
    assert finality_of(block(number), view(head, final), safe_depth_blocks=2) is expected


def test_nothing_on_chain_has_no_finality() -> None:
    assert finality_of(None, view(3, 1), 2) is None
    assert finality_of(block(3), None, 2) is None


@given(st.integers(0, LAST_TIME))
def test_times_are_rfc_3339_and_read_back(moment: int) -> None:
    shown = rfc3339(moment)
    assert len(shown) == 20
    assert datetime.fromisoformat(shown).timestamp() == moment


def test_times_past_the_year_9999_can_be_shown() -> None:
    assert rfc3339(MAX_PAY_BY) == rfc3339(LAST_TIME) == "9999-12-31T23:59:59Z"
    assert rfc3339(0) == "1970-01-01T00:00:00Z"


def test_the_link_asks_for_the_approval_of_exactly_the_amount() -> None:
    terms = make_terms()
    uri = payment_uri(terms, CHAIN_ID, ESCROW)
    assert uri == f"ethereum:{TOKEN}@31337/approve?address={ESCROW}&uint256=1000000"
    assert payment_uri(make_terms(token=ZERO_ADDRESS), CHAIN_ID, ESCROW) is None


def test_a_part_that_was_repaid_shows_apart_and_is_not_as_sure_as_the_release_was() -> None:
    released = PaymentState(Status.RELEASED, START, seq=3, funded=1_000_000, to_merchant=1_000_000)
    partly = replace(make_payment(), state=replace(released, seq=4, repaid=400_000), block=block(12))
    shown = represent(partly, USD, view(12, 10), safe_depth_blocks=2)
    assert (shown["status"], shown["finality"]) == ("released", "included")
    assert (shown["to_merchant"]["value"], shown["to_buyer"]["value"]) == ("1.00", "0.00")
    assert shown["repaid"]["value"] == "0.40"
    assert [(each["verb"], each["by"]) for each in shown["actions"]] == [("repay", ["merchant"])]


def test_a_dismissed_operator_is_not_among_those_who_may() -> None:
    funded = PaymentState(Status.FUNDED, START, seq=1, funded=1_000_000, held=1_000_000)
    payment = replace(make_payment(), state=funded, operator_dismissed=True)
    shown = represent(payment, USD, view(1, 0), safe_depth_blocks=2)
    assert all("operator" not in each["by"] for each in shown["actions"])
    assert any(each["verb"] == "confirm_delivery" for each in shown["actions"])

"""The one transition table, walked through whole, and the books that every event must keep."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.payment.errors import ChainDisagrees, ForbiddenTransition, SequenceGap
from earnest.payment.events import EventKind, Funding, PaymentEvent
from earnest.payment.status import HOLDING, Status
from earnest.payment.transitions import NOTHING_YET, PaymentState, apply, fold
from tests.support.ledger import BUYER, START, make_payment, possible_events

PAYMENT = make_payment()
AMOUNT = PAYMENT.terms.amount

FORWARD = {
    "created --PaymentFunded--> funded",
    "funded --DeliveryConfirmed--> delivered",
    "funded --PaymentReleased--> released",
    "funded --PaymentReleased--> funded",
    "funded --PaymentRefunded--> refunded",
    "funded --PaymentRefunded--> funded",
    "funded --PaymentReclaimed--> reclaimed",
    "delivered --PaymentReleased--> released",
    "delivered --PaymentReleased--> delivered",
    "delivered --PaymentRefunded--> refunded",
    "delivered --PaymentRefunded--> delivered",
    "delivered --PaymentDisputed--> disputed",
    "disputed --PaymentReleased--> released",
    "disputed --PaymentRefunded--> refunded",
    "disputed --PaymentReclaimed--> reclaimed",
    "disputed --DisputeResolved--> resolved",
    "released --PaymentRepaid--> released",
    "released --PaymentRepaid--> repaid",
    "resolved --PaymentRepaid--> resolved",
    "resolved --PaymentRepaid--> repaid",
}
"""The vocabulary's table, written down a second time: every other triple is forbidden."""


def state_in(status: Status) -> PaymentState:
    if status in (Status.CREATED, Status.EXPIRED):
        return replace(NOTHING_YET, status=status)
    held = AMOUNT if status in HOLDING else 0
    return PaymentState(
        status, START, seq=3, funded=AMOUNT, held=held, to_merchant=AMOUNT - held, payer=BUYER, buyer=BUYER
    )


def event_to(state: PaymentState, kind: EventKind, status: Status) -> PaymentEvent:
    """Return an event whose number and books are right whatever the table says of it."""
    if kind is EventKind.PAYMENT_REPAID:
        part = state.released_gross if status is Status.REPAID else 1
        return PaymentEvent(kind, PAYMENT.id, state.seq + 1, status, state.held, to_buyer=part)
    funding = Funding(BUYER, BUYER, PAYMENT.terms) if kind is EventKind.PAYMENT_FUNDED else None
    if funding:
        held = AMOUNT - state.to_merchant if status in HOLDING else 0
        return PaymentEvent(
            kind, PAYMENT.id, state.seq + 1, status, held, AMOUNT - held - state.to_merchant, funding=funding
        )
    held = max(state.held // 2, 1) if status in HOLDING and state.held else 0
    return PaymentEvent(kind, PAYMENT.id, state.seq + 1, status, held, to_merchant=state.held - held)


@pytest.mark.parametrize(("before", "kind", "after"), list(product(Status, EventKind, Status)))
def test_every_status_by_every_event_to_every_status(before: Status, kind: EventKind, after: Status) -> None:
    state = state_in(before)
    event = event_to(state, kind, after)
    if f"{before} --{kind}--> {after}" in FORWARD:
        assert apply(state, event, START + 9).status is after
    else:
        with pytest.raises(ForbiddenTransition, match="cannot lead"):
            apply(state, event, START + 9)


def test_since_is_when_the_status_began_and_partial_amounts_never_move_it() -> None:
    funded = apply(NOTHING_YET, event_to(NOTHING_YET, EventKind.PAYMENT_FUNDED, Status.FUNDED), START + 1)
    partly = apply(funded, event_to(funded, EventKind.PAYMENT_RELEASED, Status.FUNDED), START + 2)
    delivered = apply(partly, event_to(partly, EventKind.DELIVERY_CONFIRMED, Status.DELIVERED), START + 3)
    assert [funded.since, partly.since, delivered.since] == [START + 1, START + 1, START + 3]
    assert partly.held == AMOUNT // 2


def test_the_funding_tells_payer_buyer_and_amount_and_they_stay() -> None:
    payer = make_payment().terms.merchant
    event = replace(
        event_to(NOTHING_YET, EventKind.PAYMENT_FUNDED, Status.FUNDED), funding=Funding(payer, BUYER, PAYMENT.terms)
    )
    funded = apply(NOTHING_YET, event, START)
    later = apply(funded, event_to(funded, EventKind.PAYMENT_RECLAIMED, Status.RECLAIMED), START)
    assert (later.payer, later.buyer, later.funded) == (payer, BUYER, AMOUNT)


@pytest.mark.parametrize("seq", [0, 1, 3, 5, 2**48 - 1])
def test_an_event_out_of_number_is_a_gap(seq: int) -> None:
    state = state_in(Status.FUNDED)
    event = replace(event_to(state, EventKind.DELIVERY_CONFIRMED, Status.DELIVERED), seq=seq)
    with pytest.raises(SequenceGap) as gap:
        apply(state, event, START)
    assert (gap.value.expected, gap.value.got) == (4, seq)
    assert isinstance(gap.value, ChainDisagrees)
    assert gap.value.retryable


@pytest.mark.parametrize("field", ["held", "to_merchant", "to_fee_recipient", "to_buyer"])
@pytest.mark.parametrize("by", [-1, 1])
def test_books_that_do_not_balance_by_one_unit_are_refused(field: str, by: int) -> None:
    state = state_in(Status.FUNDED)
    event = event_to(state, EventKind.PAYMENT_RELEASED, Status.FUNDED)
    with pytest.raises(ForbiddenTransition, match="accounted for"):
        apply(state, replace(event, **{field: getattr(event, field) + by}), START)


def test_a_status_that_holds_money_holds_some_and_no_other_does() -> None:
    state = state_in(Status.DELIVERED)
    empty = PaymentEvent(EventKind.PAYMENT_RELEASED, PAYMENT.id, 4, Status.DELIVERED, 0, to_merchant=AMOUNT)
    with pytest.raises(ForbiddenTransition, match="0 held"):
        apply(state, empty, START)
    left = PaymentEvent(EventKind.PAYMENT_RELEASED, PAYMENT.id, 4, Status.RELEASED, 1, to_merchant=AMOUNT - 1)
    with pytest.raises(ForbiddenTransition, match="1 held"):
        apply(state, left, START)


def test_a_repaid_part_leaves_the_status_and_the_settlement_as_they_were() -> None:
    released = state_in(Status.RELEASED)
    partly = apply(released, event_to(released, EventKind.PAYMENT_REPAID, Status.RELEASED), START + 5)
    assert (partly.status, partly.since, partly.seq) == (Status.RELEASED, START, 4)
    assert (partly.to_merchant, partly.to_buyer) == (AMOUNT, 0)
    assert (partly.repaid, partly.repayable) == (1, AMOUNT - 1)


def test_repaying_the_rest_makes_the_status_repaid() -> None:
    released = state_in(Status.RELEASED)
    partly = apply(released, event_to(released, EventKind.PAYMENT_REPAID, Status.RELEASED), START + 5)
    rest = PaymentEvent(EventKind.PAYMENT_REPAID, PAYMENT.id, 5, Status.REPAID, 0, to_buyer=AMOUNT - 1)
    repaid = apply(partly, rest, START + 6)
    assert (repaid.status, repaid.since, repaid.repaid, repaid.repayable) == (Status.REPAID, START + 6, AMOUNT, 0)


def test_of_a_split_payment_only_the_merchant_s_part_can_be_repaid() -> None:
    resolved = replace(state_in(Status.RESOLVED), to_merchant=600_000, to_fee_recipient=100_000, to_buyer=300_000)
    assert resolved.repayable == 700_000
    whole = PaymentEvent(EventKind.PAYMENT_REPAID, PAYMENT.id, 4, Status.REPAID, 0, to_buyer=700_000)
    assert apply(resolved, whole, START).status is Status.REPAID


@pytest.mark.parametrize(
    ("status", "part"),
    [
        (Status.RELEASED, 0),
        (Status.RELEASED, AMOUNT),
        (Status.RELEASED, AMOUNT + 1),
        (Status.RELEASED, -1),
        (Status.REPAID, AMOUNT - 1),
        (Status.REPAID, AMOUNT + 1),
    ],
)
def test_a_repayment_that_does_not_fit_its_status_or_what_was_released_is_refused(status: Status, part: int) -> None:
    event = PaymentEvent(EventKind.PAYMENT_REPAID, PAYMENT.id, 4, status, 0, to_buyer=part)
    with pytest.raises(ForbiddenTransition, match="repaid of"):
        apply(state_in(Status.RELEASED), event, START)


@pytest.mark.parametrize("field", ["held", "to_merchant", "to_fee_recipient"])
def test_a_repayment_moves_nothing_but_the_merchant_s_own_money(field: str) -> None:
    state = state_in(Status.RELEASED)
    changes: dict[str, Any] = {field: 1}
    event = replace(event_to(state, EventKind.PAYMENT_REPAID, Status.REPAID), **changes)
    with pytest.raises(ForbiddenTransition, match="accounted for"):
        apply(state, event, START)


def test_nothing_folds_to_nothing() -> None:
    assert fold([]) == NOTHING_YET
    assert NOTHING_YET.status is Status.CREATED


@given(st.lists(st.integers(0, 20), max_size=12))
def test_money_is_conserved_along_every_life(options: list[int]) -> None:
    state, told = NOTHING_YET, []
    for second, option in enumerate(options):
        possible = possible_events(PAYMENT, state)
        if not possible:
            break
        told.append((possible[option % len(possible)], START + second))
        state = apply(state, *told[-1])
        assert state.funded == state.held + state.released_gross + state.to_buyer == AMOUNT
        assert (state.held > 0) == state.status.holds_money
        assert state.seq == len(told)
        assert 0 <= state.repaid <= state.released_gross
        assert (state.status is Status.REPAID) == (0 < state.repaid == state.released_gross)
    assert fold(told) == state


@given(st.lists(st.integers(0, 20), min_size=2, max_size=8), st.integers(0, 7))
def test_a_life_with_an_event_missing_is_noticed(options: list[int], missing: int) -> None:
    state, told = NOTHING_YET, []
    for option in options:
        possible = possible_events(PAYMENT, state)
        if not possible:
            break
        told.append((possible[option % len(possible)], START))
        state = apply(state, *told[-1])
    gone = missing % len(told)
    if gone == len(told) - 1:
        return  # the newest one that is not there yet looks like no event at all
    del told[gone]
    with pytest.raises(SequenceGap):
        fold(told)

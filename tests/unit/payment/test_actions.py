"""Who may do what, from when until when: half-open intervals, each tried at both of its ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earnest.payment.actions import actions, check_action, status_at
from earnest.payment.errors import Conflict, TooEarly, TooLate
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.status import FUNDING, Role, Status, Verb
from earnest.payment.transitions import NOTHING_YET, REPAYABLE, PaymentState
from tests.support.ledger import BUYER, START, make_terms

TERMS = make_terms()
AMOUNT = TERMS.amount


def state(status: Status) -> PaymentState:
    held = AMOUNT if status.holds_money else 0
    return PaymentState(status, START, seq=1, funded=AMOUNT, held=held, to_merchant=AMOUNT - held)


DELIVERY, WINDOW, ARBITRATION = (
    START + period for period in (TERMS.delivery_period, TERMS.dispute_window, TERMS.arbitration_period)
)

WINDOWS = [
    (Status.FUNDED, Verb.CONFIRM_DELIVERY, Role.MERCHANT, START, DELIVERY),
    (Status.FUNDED, Verb.CONFIRM_DELIVERY, Role.OPERATOR, START, DELIVERY),
    (Status.FUNDED, Verb.RECLAIM, Role.ANYONE, DELIVERY, None),
    (Status.FUNDED, Verb.RELEASE, Role.BUYER, START, None),
    (Status.FUNDED, Verb.RELEASE_WITH_RECEIPT, Role.ANYONE, START, None),
    (Status.FUNDED, Verb.REFUND, Role.OPERATOR, START, None),
    (Status.DELIVERED, Verb.DISPUTE, Role.BUYER, START, WINDOW),
    (Status.DELIVERED, Verb.RELEASE, Role.BUYER, START, None),
    (Status.DELIVERED, Verb.RELEASE, Role.ANYONE, WINDOW, None),
    (Status.DELIVERED, Verb.REFUND, Role.MERCHANT, START, None),
    (Status.DISPUTED, Verb.RESOLVE, Role.ARBITER, START, ARBITRATION),
    (Status.DISPUTED, Verb.RECLAIM, Role.ANYONE, ARBITRATION, None),
    (Status.DISPUTED, Verb.RELEASE, Role.BUYER, START, None),
    (Status.DISPUTED, Verb.RELEASE_WITH_RECEIPT, Role.ANYONE, START, None),
    (Status.RELEASED, Verb.REPAY, Role.MERCHANT, START, None),
    (Status.RESOLVED, Verb.REPAY, Role.MERCHANT, START, None),
]


@pytest.mark.parametrize(("status", "verb", "role", "opens", "closes"), WINDOWS)
def test_a_verb_is_possible_from_its_first_second_to_before_its_last(
    status: Status, verb: Verb, role: Role, opens: int, closes: int | None
) -> None:
    check_action(TERMS, state(status), verb, role, opens)
    with pytest.raises(TooEarly) as early:
        check_action(TERMS, state(status), verb, role, opens - 1)
    assert early.value.possible_from == opens
    if closes is None:
        check_action(TERMS, state(status), verb, role, opens + 10**9)
        return
    check_action(TERMS, state(status), verb, role, closes - 1)
    with pytest.raises(TooLate) as late:
        check_action(TERMS, state(status), verb, role, closes)
    assert late.value.possible_until == closes


def test_funding_ends_at_pay_by_and_the_payment_is_expired_from_then_on() -> None:
    check_action(TERMS, NOTHING_YET, Verb.FUND, Role.BUYER, TERMS.pay_by - 1)
    with pytest.raises(TooLate):
        check_action(TERMS, NOTHING_YET, Verb.FUND, Role.ANYONE, TERMS.pay_by)
    assert status_at(TERMS, NOTHING_YET, TERMS.pay_by - 1) is Status.CREATED
    assert status_at(TERMS, NOTHING_YET, TERMS.pay_by) is Status.EXPIRED
    assert status_at(TERMS, state(Status.FUNDED), TERMS.pay_by + 1) is Status.FUNDED
    assert actions(TERMS, NOTHING_YET, TERMS.pay_by) == []


@pytest.mark.parametrize("status", [each for each in Status if each.holds_money])
def test_from_every_status_that_holds_money_time_alone_opens_a_way_out(status: Status) -> None:
    far = START + 10**9
    ways_out = [each for each in actions(TERMS, state(status), far) if each.verb in (Verb.RELEASE, Verb.RECLAIM)]
    assert any(Role.ANYONE in each.by and each.possible_from <= far for each in ways_out)


@pytest.mark.parametrize("verb", sorted(FUNDING))
def test_a_token_can_be_funded_in_every_way_and_coin_only_by_its_owner(verb: Verb) -> None:
    check_action(TERMS, NOTHING_YET, verb, Role.ANYONE, TERMS.pay_by - 1)
    with pytest.raises(TooLate):
        check_action(TERMS, NOTHING_YET, verb, Role.ANYONE, TERMS.pay_by)
    coin = {each.verb for each in actions(make_terms(token=ZERO_ADDRESS), NOTHING_YET, 0)}
    assert (verb in coin) == (verb is Verb.FUND)


@pytest.mark.parametrize("status", list(Status))
def test_a_deposit_can_be_collected_at_any_time_if_a_buyer_is_named(status: Status) -> None:
    named = make_terms(buyer=BUYER)
    far = START + 10**9
    check_action(named, state(status), Verb.COLLECT, Role.ANYONE, far)
    with pytest.raises(Conflict):
        check_action(TERMS, state(status), Verb.COLLECT, Role.ANYONE, far)


def test_what_is_repaid_already_or_was_never_released_cannot_be_repaid() -> None:
    for settled in (
        replace(state(Status.RELEASED), repaid=AMOUNT),
        replace(state(Status.RESOLVED), to_merchant=0, to_buyer=AMOUNT),
        state(Status.REPAID),
        state(Status.REFUNDED),
    ):
        with pytest.raises(Conflict, match="repay by the merchant"):
            check_action(TERMS, settled, Verb.REPAY, Role.MERCHANT, START)


def test_a_dismissed_operator_may_do_nothing_and_the_merchant_still_everything() -> None:
    funded = state(Status.FUNDED)
    for verb in (Verb.CONFIRM_DELIVERY, Verb.REFUND):
        with pytest.raises(Conflict, match="operator"):
            check_action(TERMS, funded, verb, Role.OPERATOR, START, operator_dismissed=True)
        check_action(TERMS, funded, verb, Role.MERCHANT, START, operator_dismissed=True)
    assert all(Role.OPERATOR not in each.by for each in actions(TERMS, funded, START, operator_dismissed=True))


@pytest.mark.parametrize("status", [each for each in Status if not each.warm and each not in REPAYABLE])
def test_a_cold_status_allows_nothing(status: Status) -> None:
    assert actions(TERMS, state(status), START) == []
    with pytest.raises(Conflict, match=status):
        check_action(TERMS, state(status), Verb.REFUND, Role.OPERATOR, START)


@pytest.mark.parametrize(
    ("verb", "role"),
    [
        (Verb.REFUND, Role.BUYER),
        (Verb.CONFIRM_DELIVERY, Role.BUYER),
        (Verb.DISPUTE, Role.BUYER),
        (Verb.RESOLVE, Role.ARBITER),
    ],
)
def test_a_verb_of_another_role_or_status_is_a_conflict(verb: Verb, role: Role) -> None:
    with pytest.raises(Conflict) as refusal:
        check_action(TERMS, state(Status.FUNDED), verb, role, START)
    assert not isinstance(refusal.value, TooEarly | TooLate)


def test_without_an_operator_only_the_merchant_acts_for_himself() -> None:
    terms = make_terms(operator=ZERO_ADDRESS)
    assert {role for each in actions(terms, state(Status.FUNDED), START) for role in each.by} == {
        Role.MERCHANT,
        Role.BUYER,
        Role.ANYONE,
    }
    with pytest.raises(Conflict):
        check_action(terms, state(Status.FUNDED), Verb.REFUND, Role.OPERATOR, START)

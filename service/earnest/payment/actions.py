"""Who may do what to a payment, from when until when: the contract's time rules as facts that a page can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from earnest.payment.errors import Conflict, TooEarly, TooLate
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.status import Role, Status, Verb
from earnest.payment.terms import Terms
from earnest.payment.transitions import REPAYABLE, PaymentState
from earnest.payment.values import quick


@quick
@dataclass(frozen=True, slots=True)
class Action:
    """A verb that is or becomes possible in the present status, in `[possible_from, possible_until)`.

    Both bounds are Unix time by the chain's clock; None as the upper one means: for as long as the status lasts.
    """

    verb: Verb
    by: tuple[Role, ...]
    possible_from: int
    possible_until: int | None = None


def status_at(terms: Terms, state: PaymentState, now: int) -> Status:
    """Return the status told at chain time `now`: the folded one, or `expired`, which time alone brings."""
    if state.status is Status.CREATED and now >= terms.pay_by:
        return Status.EXPIRED
    return state.status


def actions(terms: Terms, state: PaymentState, now: int, *, operator_dismissed: bool = False) -> list[Action]:
    """Return what can be done next or by waiting; what is over at chain time `now` is left out.

    These are the contract's rules: whether a token takes signatures, or whether anything lies at the deposit address,
    is not known here. An operator whom the merchant has dismissed is none any more.
    """
    windows = _windows(terms, state, operator_dismissed)
    return [each for each in windows if each.possible_until is None or now < each.possible_until]


def check_action(
    terms: Terms, state: PaymentState, verb: Verb, by: Role, now: int, *, operator_dismissed: bool = False
) -> None:
    """Check that `by` may do `verb` at chain time `now`.

    Raises:
        TooEarly, TooLate: the status fits, the time does not.
        Conflict: the status (or the role) does not fit.
    """
    windows = _windows(terms, state, operator_dismissed)
    fitting = [each for each in windows if each.verb is verb and ({by, Role.ANYONE} & set(each.by))]
    if any(
        each.possible_from <= now and (each.possible_until is None or now < each.possible_until) for each in fitting
    ):
        return
    if not fitting:
        raise Conflict(f"{verb} by the {by} is not possible while the payment is {status_at(terms, state, now)}")
    later = [each.possible_from for each in fitting if now < each.possible_from]
    if later:
        raise TooEarly(verb, now, min(later))
    raise TooLate(verb, now, max(each.possible_until or 0 for each in fitting))


def _windows(terms: Terms, state: PaymentState, operator_dismissed: bool) -> list[Action]:
    # Money can come to a deposit address at any time, whatever became of the payment.
    collect = [Action(Verb.COLLECT, (Role.ANYONE,), 0)] if terms.buyer != ZERO_ADDRESS else []
    return [*_windows_of_status(terms, state, operator_dismissed), *collect]


def _windows_of_status(terms: Terms, state: PaymentState, operator_dismissed: bool) -> list[Action]:
    has_operator = terms.operator != ZERO_ADDRESS and not operator_dismissed
    merchant_side = (Role.MERCHANT, Role.OPERATOR) if has_operator else (Role.MERCHANT,)
    since = state.since
    held = [
        Action(Verb.RELEASE, (Role.BUYER,), since),
        Action(Verb.RELEASE_WITH_RECEIPT, (Role.ANYONE,), since),
        Action(Verb.REFUND, merchant_side, since),
    ]
    match state.status:
        case Status.CREATED:
            # Coin knows no signatures.
            ways = _WAYS_TO_FUND if terms.token != ZERO_ADDRESS else (Verb.FUND,)
            return [Action(verb, (Role.ANYONE,), 0, terms.pay_by) for verb in ways]
        case Status.FUNDED:
            end = since + terms.delivery_period
            return [
                Action(Verb.CONFIRM_DELIVERY, merchant_side, since, end),
                *held,
                Action(Verb.RECLAIM, (Role.ANYONE,), end),
            ]
        case Status.DELIVERED:
            end = since + terms.dispute_window
            return [
                Action(Verb.DISPUTE, (Role.BUYER,), since, end),
                *held,
                Action(Verb.RELEASE, (Role.ANYONE,), end),
            ]
        case Status.DISPUTED:
            end = since + terms.arbitration_period
            return [
                Action(Verb.RESOLVE, (Role.ARBITER,), since, end),
                *held,
                Action(Verb.RECLAIM, (Role.ANYONE,), end),
            ]
        case status if status in REPAYABLE and state.repayable > 0:
            return [Action(Verb.REPAY, (Role.MERCHANT,), since)]
        case _:
            return []


_WAYS_TO_FUND: Final = (
    Verb.FUND,
    Verb.FUND_WITH_PERMIT,
    Verb.FUND_WITH_AUTHORIZATION,
    Verb.FUND_WITH_PERMIT2,
)

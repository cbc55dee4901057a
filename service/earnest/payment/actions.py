"""Who may do what to a payment, from when until when: the contract's time rules as facts that a page can show."""

from __future__ import annotations

from dataclasses import dataclass

from earnest.payment.errors import Conflict, TooEarly, TooLate
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.status import Role, Status, Verb
from earnest.payment.terms import Terms
from earnest.payment.transitions import PaymentState


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


def actions(terms: Terms, state: PaymentState, now: int) -> list[Action]:
    """Return what can be done next or by waiting; what is over at chain time `now` is left out."""
    return [each for each in _windows(terms, state) if each.possible_until is None or now < each.possible_until]


def check_action(terms: Terms, state: PaymentState, verb: Verb, by: Role, now: int) -> None:
    """Check that `by` may do `verb` at chain time `now`.

    Raises:
        TooEarly, TooLate: the status fits, the time does not.
        Conflict: the status (or the role) does not fit.
    """
    fitting = [each for each in _windows(terms, state) if each.verb is verb and ({by, Role.ANYONE} & set(each.by))]
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


def _windows(terms: Terms, state: PaymentState) -> list[Action]:
    merchant_side = (Role.MERCHANT, Role.OPERATOR) if terms.operator != ZERO_ADDRESS else (Role.MERCHANT,)
    since = state.since
    held = [Action(Verb.RELEASE, (Role.BUYER,), since), Action(Verb.REFUND, merchant_side, since)]
    match state.status:
        case Status.CREATED:
            return [Action(Verb.FUND, (Role.ANYONE,), 0, terms.pay_by)]
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
        case _:
            return []

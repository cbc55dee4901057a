"""Who may do what to a payment, from when until when: the contract's time rules as facts that a page can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from earnest.payment.errors import Conflict, TooEarly, TooLate
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.status import HOLDING, Role, Status, Verb
from earnest.payment.terms import Terms
from earnest.payment.transitions import REPAYABLE, PaymentState
from earnest.payment.values import maker, quick


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
    if state.status is _CREATED and now >= terms.pay_by:
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
    status, since = state.status, state.since
    if status is _CREATED:
        # Coin knows no signatures.
        ways = _WAYS_TO_FUND if terms.token != ZERO_ADDRESS else _WAYS_TO_FUND[:1]
        return [_action(verb, _ANYONE, 0, terms.pay_by) for verb in ways]
    if status not in HOLDING:
        return [_action(_REPAY, _MERCHANT, since)] if status in REPAYABLE and state.repayable > 0 else []
    has_operator = terms.operator != ZERO_ADDRESS and not operator_dismissed
    merchant_side = _MERCHANT_SIDE if has_operator else _MERCHANT
    if status is _FUNDED:
        end = since + terms.delivery_period
        first, last = _action(_CONFIRM_DELIVERY, merchant_side, since, end), _action(_RECLAIM, _ANYONE, end)
    elif status is _DELIVERED:
        end = since + terms.dispute_window
        first, last = _action(_DISPUTE, _BUYER, since, end), _action(_RELEASE, _ANYONE, end)
    else:
        end = since + terms.arbitration_period
        first, last = _action(_RESOLVE, _ARBITER, since, end), _action(_RECLAIM, _ANYONE, end)
    return [
        first,
        _action(_RELEASE, _BUYER, since),
        _action(_RELEASE_WITH_RECEIPT, _ANYONE, since),
        _action(_REFUND, merchant_side, since),
        last,
    ]


_WAYS_TO_FUND: Final = (
    Verb.FUND,
    Verb.FUND_WITH_PERMIT,
    Verb.FUND_WITH_AUTHORIZATION,
    Verb.FUND_WITH_PERMIT2,
)

# Looked up once: a member is found through its class in Python, several times for each thing that a merchant is told.
_action: Final = maker(Action)
_CREATED, _FUNDED, _DELIVERED = Status.CREATED, Status.FUNDED, Status.DELIVERED
_CONFIRM_DELIVERY, _DISPUTE, _RESOLVE, _REPAY = Verb.CONFIRM_DELIVERY, Verb.DISPUTE, Verb.RESOLVE, Verb.REPAY
_RELEASE, _RELEASE_WITH_RECEIPT = Verb.RELEASE, Verb.RELEASE_WITH_RECEIPT
_REFUND, _RECLAIM = Verb.REFUND, Verb.RECLAIM
_ANYONE, _BUYER, _MERCHANT, _ARBITER = (Role.ANYONE,), (Role.BUYER,), (Role.MERCHANT,), (Role.ARBITER,)
_MERCHANT_SIDE: Final = (Role.MERCHANT, Role.OPERATOR)

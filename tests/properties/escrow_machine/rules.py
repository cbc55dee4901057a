"""Whether `payment.actions` allows a verb, and by which error the escrow has to refuse what it does not."""

from __future__ import annotations

from typing import Final

from earnest.payment.actions import check_action
from earnest.payment.errors import Conflict, TooEarly, TooLate
from earnest.payment.primitives import Address
from earnest.payment.status import ON_CHAIN, Role, Status, Verb
from earnest.payment.transitions import REPAYABLE
from tests.properties.escrow_machine.facts import Refusal, Sheet, Staged

_TOO_LATE: Final = {
    Verb.FUND: "FundTooLate",
    Verb.CONFIRM_DELIVERY: "ConfirmTooLate",
    Verb.DISPUTE: "DisputeTooLate",
    Verb.RESOLVE: "ResolveTooLate",
}
_TOO_EARLY: Final = {Verb.RELEASE: "ReleaseTooEarly", Verb.RECLAIM: "ReclaimTooEarly"}


def demand(sheet: Sheet, payment: Staged, verb: Verb, caller: Address) -> None:
    """Raise the escrow's error unless the pure rules allow the caller this verb now."""
    problem = _pure_refusal(sheet, payment, verb, caller)
    if problem is not None:
        raise _named(sheet, payment, verb, caller, problem)


def is_dismissed(sheet: Sheet, payment: Staged) -> bool:
    return (payment.terms.merchant, payment.terms.operator) in sheet.facts.dismissed


def roles_of(sheet: Sheet, payment: Staged, caller: Address) -> list[Role]:
    """Return every role that an account has in a payment; anyone is anyone."""
    terms, buyer = payment.terms, sheet.state(payment).buyer
    holders = {Role.BUYER: buyer, Role.MERCHANT: terms.merchant, Role.OPERATOR: terms.operator}
    holders[Role.ARBITER] = terms.arbiter
    return [*(role for role, holder in holders.items() if holder == caller), Role.ANYONE]


def wrong_status(sheet: Sheet, payment: Staged, name: str = "WrongStatus") -> Refusal:
    return Refusal(name, payment.id, ON_CHAIN.index(sheet.state(payment).status))


def _pure_refusal(sheet: Sheet, payment: Staged, verb: Verb, caller: Address) -> Conflict | None:
    """Return why none of the caller's roles may; a reason of time is one for him who will be or was able to."""
    problems: list[Conflict] = []
    dismissed = is_dismissed(sheet, payment)
    for role in roles_of(sheet, payment, caller):
        try:
            check_action(payment.terms, sheet.state(payment), verb, role, sheet.now, operator_dismissed=dismissed)
        except Conflict as problem:
            problems.append(problem)
        else:
            return None
    return next((each for each in problems if isinstance(each, TooEarly | TooLate)), problems[0])


def _named(sheet: Sheet, payment: Staged, verb: Verb, caller: Address, problem: Conflict) -> Refusal:
    if isinstance(problem, TooLate):
        return Refusal(_TOO_LATE[verb], sheet.now, problem.possible_until)
    if isinstance(problem, TooEarly):
        return Refusal(_TOO_EARLY[verb], sheet.now, problem.possible_from)
    if verb is Verb.FUND:
        return wrong_status(sheet, payment, "AlreadyFunded")
    status = sheet.state(payment).status
    if status is Status.CREATED:
        return Refusal("NotFunded", payment.id)
    # Every verb wants to see a status with something to move first, and who calls then.
    moves = status in REPAYABLE if verb is Verb.REPAY else status.holds_money
    not_his = _not_his(sheet, payment, verb, caller) if moves else None
    return wrong_status(sheet, payment) if not_his is None else not_his


def _not_his(sheet: Sheet, payment: Staged, verb: Verb, caller: Address) -> Refusal | None:
    """Return the error for a caller who has no such right in any status; None: he has."""
    terms = payment.terms
    match verb:
        case Verb.CONFIRM_DELIVERY | Verb.REFUND:
            return not_merchant_side(sheet, payment, caller)
        case Verb.RELEASE:
            return Refusal("NotBuyer", caller)
        case Verb.DISPUTE:
            return _not_by(caller, sheet.state(payment).buyer, "NotBuyer")
        case Verb.RESOLVE:
            return _not_by(caller, terms.arbiter, "NotArbiter")
        case Verb.REPAY:
            return _not_by(caller, terms.merchant, "NotMerchant")
        case _:
            return None


def not_merchant_side(sheet: Sheet, payment: Staged, caller: Address) -> Refusal | None:
    merchant, operator = payment.terms.merchant, payment.terms.operator
    if caller == merchant:
        return None
    if caller != operator:
        return Refusal("NotMerchantOrOperator", caller)
    return Refusal("OperatorIsDismissed", merchant, operator) if is_dismissed(sheet, payment) else None


def _not_by(caller: Address, holder: Address | None, name: str) -> Refusal | None:
    return None if caller == holder else Refusal(name, caller)

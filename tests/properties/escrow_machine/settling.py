"""What each way out is expected to do, told in the order in which the escrow looks at things."""

from __future__ import annotations

from typing import Final

from earnest.payment.events import Credited, CreditWithdrawn, EventKind, OperatorDismissed, PaymentEvent
from earnest.payment.money import fee_rounded_down
from earnest.payment.primitives import Address
from earnest.payment.status import Status, Verb
from earnest.payment.transitions import REPAYABLE
from tests.properties.escrow_machine.facts import Refusal, Sheet, Staged, with_flags
from tests.properties.escrow_machine.rules import demand
from tests.properties.escrow_machine.stage import COIN

ALL: Final = 2**256 - 1
"""As an amount: everything there is."""


def confirm_delivery(sheet: Sheet, payment: Staged, caller: Address) -> None:
    demand(sheet, payment, Verb.CONFIRM_DELIVERY, caller)
    sheet.enter_and_tell(payment, delivered(sheet, payment))
    if payment.terms.dispute_window == 0:
        release_part(sheet, payment, sheet.state(payment).held)


def release(sheet: Sheet, payment: Staged, caller: Address, amount: int) -> None:
    demand(sheet, payment, Verb.RELEASE, caller)
    state = sheet.state(payment)
    if caller != state.buyer and amount not in (ALL, state.held):
        raise Refusal("NotBuyer", caller)
    release_part(sheet, payment, _part(sheet, payment, amount))


def release_with_receipt(sheet: Sheet, payment: Staged, caller: Address, *, is_his: bool) -> None:
    demand(sheet, payment, Verb.RELEASE_WITH_RECEIPT, caller)
    state = sheet.state(payment)
    if not is_his:
        raise Refusal("NotBuyersReceipt", payment.id, state.buyer)
    release_part(sheet, payment, state.held)


def refund(sheet: Sheet, payment: Staged, caller: Address, amount: int) -> None:
    demand(sheet, payment, Verb.REFUND, caller)
    part = _part(sheet, payment, amount)
    held = sheet.state(payment).held
    status = Status.REFUNDED if part == held else sheet.state(payment).status
    credited = _push_to_buyer(sheet, payment, part)
    event = changed(sheet, payment, EventKind.PAYMENT_REFUNDED, status, held - part, to_buyer=part)
    sheet.enter_and_tell(payment, with_flags(event, credited))


def reclaim(sheet: Sheet, payment: Staged, caller: Address) -> None:
    demand(sheet, payment, Verb.RECLAIM, caller)
    held = sheet.state(payment).held
    credited = _push_to_buyer(sheet, payment, held)
    event = changed(sheet, payment, EventKind.PAYMENT_RECLAIMED, Status.RECLAIMED, 0, to_buyer=held)
    sheet.enter_and_tell(payment, with_flags(event, credited))


def dispute(sheet: Sheet, payment: Staged, caller: Address) -> None:
    demand(sheet, payment, Verb.DISPUTE, caller)
    held = sheet.state(payment).held
    sheet.enter_and_tell(payment, changed(sheet, payment, EventKind.PAYMENT_DISPUTED, Status.DISPUTED, held))


def resolve(sheet: Sheet, payment: Staged, caller: Address, to_buyer: int, to_merchant: int) -> None:
    demand(sheet, payment, Verb.RESOLVE, caller)
    held = sheet.state(payment).held
    if to_buyer + to_merchant != held:
        raise Refusal("PartsNotHeld", to_buyer, to_merchant, held)
    net, fee = _net_and_fee(sheet, payment, to_merchant)
    credited = pay_merchant(sheet, payment, net, fee) | _push_to_buyer(sheet, payment, to_buyer)
    event = changed(sheet, payment, EventKind.DISPUTE_RESOLVED, Status.RESOLVED, 0, net, fee, to_buyer)
    sheet.enter_and_tell(payment, with_flags(event, credited))


def repay(sheet: Sheet, payment: Staged, caller: Address, amount: int, value: int) -> None:
    state, terms = sheet.state(payment), payment.terms
    # Where nothing is left to repay, the rules offer nothing, and the escrow says so by the amount.
    nothing_left = state.status in REPAYABLE and state.repayable == 0 and caller == terms.merchant
    if not nothing_left:
        demand(sheet, payment, Verb.REPAY, caller)
    part = state.repayable if amount == ALL else amount
    if part == 0:
        raise Refusal("AmountOutOfBounds", 0)
    if part > state.repayable:
        raise Refusal("AmountExceedsRepayable", part, state.repayable)
    status = Status.REPAID if part == state.repayable else state.status
    credited = _pass_on(sheet, payment, part, value)
    event = changed(sheet, payment, EventKind.PAYMENT_REPAID, status, 0, to_buyer=part)
    sheet.enter_and_tell(payment, with_flags(event, credited))


def withdraw(sheet: Sheet, account: Address, token: Address, amount: int) -> None:
    credit = sheet.facts.credits.get((account, token), 0)
    if credit == 0:
        raise Refusal("NoCredit", account, token)
    part = credit if amount == ALL else amount
    if part == 0:
        raise Refusal("AmountOutOfBounds", 0)
    if part > credit:
        raise Refusal("AmountExceedsCredit", part, credit)
    if not sheet.facts.can_move(token, sheet.facts.stage.escrow, account):
        raise Refusal("WithdrawFailed", account, token, part)
    sheet.credits[account, token] -= part
    sheet.move(token, sheet.facts.stage.escrow, account, part)
    sheet.tell(CreditWithdrawn(account, token, part))


def dismiss_operator(sheet: Sheet, caller: Address, operator: Address) -> None:
    sheet.dismissed.add((caller, operator))
    sheet.tell(OperatorDismissed(caller, operator))


# ---------------------------------------------------------------------------------------------------------------- steps


def changed(
    sheet: Sheet,
    payment: Staged,
    kind: EventKind,
    status: Status,
    held: int,
    to_merchant: int = 0,
    to_fee_recipient: int = 0,
    to_buyer: int = 0,
) -> PaymentEvent:
    """Return the payment's next event, nobody credited."""
    seq = sheet.state(payment).seq + 1
    return PaymentEvent(kind, payment.id, seq, status, held, to_merchant, to_fee_recipient, to_buyer)


def delivered(sheet: Sheet, payment: Staged) -> PaymentEvent:
    return changed(sheet, payment, EventKind.DELIVERY_CONFIRMED, Status.DELIVERED, sheet.state(payment).held)


def released(sheet: Sheet, payment: Staged, part: int) -> PaymentEvent:
    state = sheet.state(payment)
    net, fee = _net_and_fee(sheet, payment, part)
    status = Status.RELEASED if part == state.held else state.status
    return changed(sheet, payment, EventKind.PAYMENT_RELEASED, status, state.held - part, net, fee)


def release_part(sheet: Sheet, payment: Staged, part: int) -> None:
    event = released(sheet, payment, part)
    credited = pay_merchant(sheet, payment, event.to_merchant, event.to_fee_recipient)
    sheet.enter_and_tell(payment, with_flags(event, credited))


def pay_merchant(sheet: Sheet, payment: Staged, net: int, fee: int) -> Credited:
    terms = payment.terms
    merchant = sheet.push(terms.token, terms.merchant, net, Credited.MERCHANT)
    return merchant | sheet.push(terms.token, terms.fee_recipient, fee, Credited.FEE_RECIPIENT)


def _push_to_buyer(sheet: Sheet, payment: Staged, amount: int) -> Credited:
    buyer = sheet.state(payment).buyer
    assert buyer is not None
    return sheet.push(payment.terms.token, buyer, amount, Credited.BUYER)


def _pass_on(sheet: Sheet, payment: Staged, part: int, value: int) -> Credited:
    """Take from the merchant straight to the buyer; coin goes through the escrow."""
    terms, buyer, escrow = payment.terms, sheet.state(payment).buyer, sheet.facts.stage.escrow
    assert buyer is not None
    if terms.token == COIN:
        if value != part:
            raise Refusal("WrongCoinAmount", value, part)
        sheet.move(COIN, terms.merchant, escrow, part)
        return sheet.push(COIN, buyer, part, Credited.BUYER)
    if value:
        raise Refusal("CoinSentWithToken", value)
    sheet.pull(terms.token, terms.merchant, buyer, part, spender=escrow)
    return Credited.NOBODY


def _net_and_fee(sheet: Sheet, payment: Staged, gross: int) -> tuple[int, int]:
    before = sheet.state(payment).released_gross
    fee = fee_rounded_down(before, before + gross, payment.terms.fee_bps)
    return gross - fee, fee


def _part(sheet: Sheet, payment: Staged, amount: int) -> int:
    state = sheet.state(payment)
    if amount == ALL:
        return state.held
    if amount == 0:
        raise Refusal("AmountOutOfBounds", 0)
    if amount > state.held:
        raise Refusal("AmountExceedsHeld", amount, state.held)
    if amount != state.held and state.status is Status.DISPUTED:
        raise Refusal("OnlyWholeWhileDisputed", amount, state.held)
    return amount

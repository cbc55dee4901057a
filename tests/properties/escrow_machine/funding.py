"""What each way to pay is expected to do, told in the order in which the escrow looks at things."""

from __future__ import annotations

from earnest.payment.events import DepositReturned, EventKind, Funding, PaymentEvent
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.status import Status, Verb
from earnest.payment.typed_data import PERMIT2
from tests.properties.escrow_machine.facts import Refusal, Sheet, Staged
from tests.properties.escrow_machine.rules import demand
from tests.properties.escrow_machine.stage import COIN


def fund(sheet: Sheet, payment: Staged, caller: Address, buyer: Address, value: int) -> None:
    _open(sheet, payment, caller, buyer)
    token, amount, escrow = payment.terms.token, payment.terms.amount, sheet.facts.stage.escrow
    if token == COIN:
        if value != amount:
            raise Refusal("WrongCoinAmount", value, amount)
        sheet.move(COIN, caller, escrow, amount)
    else:
        if value:
            raise Refusal("CoinSentWithToken", value)
        sheet.pull(token, caller, escrow, amount, spender=escrow)
    _funded(sheet, payment, caller, buyer)


def fund_with_permit(sheet: Sheet, payment: Staged, caller: Address, buyer: Address, *, permit_holds: bool) -> None:
    _open(sheet, payment, caller, buyer)
    token, amount, escrow = payment.terms.token, payment.terms.amount, sheet.facts.stage.escrow
    if token == sheet.facts.stage.dollar and permit_holds:
        sheet.allowances[token, caller, escrow] = amount
        sheet.permits.append(caller)
    # What became of the permit does not matter; the allowance does.
    sheet.pull(token, caller, escrow, amount, spender=escrow)
    _funded(sheet, payment, caller, buyer)


def fund_with_authorization(sheet: Sheet, payment: Staged, caller: Address, payer: Address, *, holds: bool) -> None:
    buyer = _named_or(payer, payment)
    _open(sheet, payment, caller, buyer)
    token, amount = payment.terms.token, payment.terms.amount
    if token == COIN:
        raise Refusal("TokenHasNoCode", COIN)
    if token != sheet.facts.stage.dollar or not holds or sheet.balance(token, payer) < amount:
        raise Refusal
    sheet.move(token, payer, sheet.facts.stage.escrow, amount)
    _funded(sheet, payment, payer, buyer)


def fund_with_permit2(
    sheet: Sheet, payment: Staged, caller: Address, payer: Address, nonce: int, *, holds: bool
) -> None:
    buyer = _named_or(payer, payment)
    _open(sheet, payment, caller, buyer)
    if payment.terms.token == COIN:
        raise Refusal("TokenHasNoCode", COIN)
    if not holds or (payer, nonce) in sheet.facts.permit2_nonces:
        raise Refusal
    sheet.pull(payment.terms.token, payer, sheet.facts.stage.escrow, payment.terms.amount, spender=PERMIT2)
    sheet.permit2_nonces.add((payer, nonce))
    _funded(sheet, payment, payer, buyer)


def collect(sheet: Sheet, payment: Staged, caller: Address, token: Address) -> None:
    terms, wallet = payment.terms, payment.deposit
    if terms.buyer == ZERO_ADDRESS:
        raise Refusal("BuyerIsZero")
    balance = sheet.balance(token, wallet)
    if balance == 0:
        raise Refusal("NothingToCollect", wallet, token)
    funds = token == terms.token and _is_fundable(sheet, payment, caller)
    if funds and balance < terms.amount:
        if caller != terms.buyer:
            raise Refusal("DepositTooShort", balance, terms.amount)
        funds = False
    if funds:
        escrow = sheet.facts.stage.escrow
        if not sheet.facts.can_move(token, wallet, escrow):
            # The wallet does not tell what the token said; the escrow sees that nothing came.
            kept = sheet.balance(token, escrow)
            raise Refusal("WrongBalanceRise", kept, kept, terms.amount)
        sheet.move(token, wallet, escrow, terms.amount)
        _funded(sheet, payment, wallet, terms.buyer)
    surplus = balance - terms.amount if funds else balance
    if sheet.facts.can_move(token, wallet, terms.buyer):
        if surplus:
            sheet.move(token, wallet, terms.buyer, surplus)
            sheet.tell(DepositReturned(payment.id, token, terms.buyer, surplus))
    elif not funds:
        raise Refusal("ReturnFailed", wallet, token, surplus)


def _is_fundable(sheet: Sheet, payment: Staged, caller: Address) -> bool:
    try:
        demand(sheet, payment, Verb.FUND, caller)
    except Refusal:
        return False
    return True


def _open(sheet: Sheet, payment: Staged, caller: Address, buyer: Address) -> None:
    demand(sheet, payment, Verb.FUND, caller)
    terms = payment.terms
    if buyer == ZERO_ADDRESS:
        raise Refusal("BuyerIsZero")
    if terms.buyer not in (ZERO_ADDRESS, buyer):
        raise Refusal("BuyerNotNamed", buyer, terms.buyer)
    if buyer == terms.merchant:
        raise Refusal("BuyerIsMerchant", buyer)
    if buyer == sheet.facts.stage.escrow:
        raise Refusal("PayeeIsEscrow")
    if buyer == terms.arbiter:
        raise Refusal("ArbiterIsParty", terms.arbiter)


def _funded(sheet: Sheet, payment: Staged, payer: Address, buyer: Address) -> None:
    funding = Funding(payer, buyer, payment.terms)
    held = payment.terms.amount
    event = PaymentEvent(EventKind.PAYMENT_FUNDED, payment.id, 1, Status.FUNDED, held, funding=funding)
    sheet.enter_and_tell(payment, event)


def _named_or(payer: Address, payment: Staged) -> Address:
    return payer if payment.terms.buyer == ZERO_ADDRESS else payment.terms.buyer

"""What the batches are expected to do: everything written down first, then the money, then the events."""

from __future__ import annotations

from collections.abc import Sequence

from earnest.escrow.txs import selector
from earnest.payment.events import Credited, ItemSkipped, PaymentEvent
from earnest.payment.primitives import Address
from earnest.payment.status import Verb
from tests.properties.escrow_machine.facts import Refusal, Sheet, Staged, with_flags
from tests.properties.escrow_machine.rules import demand, not_merchant_side
from tests.properties.escrow_machine.settling import delivered, pay_merchant, released

_TYPES_OF_ERRORS = {
    "NotFunded": "bytes32",
    "WrongStatus": "bytes32,uint8",
    "NotBuyer": "address",
    "ReleaseTooEarly": "uint256,uint256",
    "ConfirmTooLate": "uint256,uint256",
}


def release_many(sheet: Sheet, items: Sequence[Staged], caller: Address) -> None:
    _pay_and_tell(sheet, _not_skipped(sheet, items, Verb.RELEASE, caller))


def confirm_delivery_many(sheet: Sheet, common: Staged, items: Sequence[Staged], caller: Address) -> None:
    refusal = not_merchant_side(sheet, common, caller)
    if refusal is not None:
        raise refusal
    confirmed = _not_skipped(sheet, items, Verb.CONFIRM_DELIVERY, caller)
    for _, event in confirmed:
        sheet.tell(event)
    if common.terms.dispute_window == 0:
        _pay_and_tell(sheet, [(payment, _all_of(sheet, payment)) for payment, _ in confirmed])


def _not_skipped(
    sheet: Sheet, items: Sequence[Staged], verb: Verb, caller: Address
) -> list[tuple[Staged, PaymentEvent]]:
    """Return the items that the single verb would take, each entered, with its event; tell of the others."""
    taken = []
    for number, payment in enumerate(items):
        try:
            demand(sheet, payment, verb, caller)
        except Refusal as refusal:
            why = selector(f"{refusal.name}({_TYPES_OF_ERRORS[refusal.name]})").hex()
            sheet.tell(ItemSkipped(payment.id, number, f"0x{why}"))
        else:
            event = _all_of(sheet, payment) if verb is Verb.RELEASE else sheet.enter(payment, delivered(sheet, payment))
            taken.append((payment, event))
    return taken


def _all_of(sheet: Sheet, payment: Staged) -> PaymentEvent:
    return sheet.enter(payment, released(sheet, payment, sheet.state(payment).held))


def _pay_and_tell(sheet: Sheet, taken: Sequence[tuple[Staged, PaymentEvent]]) -> None:
    """One push to each payee; whose push failed is told for each item that had a part in it."""
    if not taken:
        return
    net = sum(event.to_merchant for _, event in taken)
    fee = sum(event.to_fee_recipient for _, event in taken)
    credited = pay_merchant(sheet, taken[0][0], net, fee)
    for _, event in taken:
        flags = credited
        if event.to_merchant == 0:
            flags &= ~Credited.MERCHANT
        if event.to_fee_recipient == 0:
            flags &= ~Credited.FEE_RECIPIENT
        sheet.tell(with_flags(event, flags))

"""Where plain transfers for a payment go, by the wallet's code that ships with the package."""

from __future__ import annotations

from earnest.escrow.artifact import wallet_code_hash
from earnest.payment.deposit import deposit_address
from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.record import Payment


def deposit_address_of(payment: Payment) -> Address | None:
    """Return a payment's deposit address, None where the terms name no buyer: then nothing there could be collected."""
    if payment.terms.buyer == ZERO_ADDRESS:
        return None
    return deposit_address(payment.escrow, payment.id, wallet_code_hash())

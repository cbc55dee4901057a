"""The link that a wallet understands without a page of ours."""

from __future__ import annotations

from earnest.payment.primitives import ZERO_ADDRESS, Address
from earnest.payment.terms import Terms


def payment_uri(terms: Terms, chain_id: int, escrow: Address) -> str | None:
    """Return the EIP-681 link of a payment, as far as that standard can say it.

    A link can only carry a flat list of arguments, and `fund` takes a tuple; so for a token it asks for the step that
    comes first, the approval of exactly the amount. For the chain's own coin there is no such step, and so no link.

    Source: EIP-681.
    """
    if terms.token == ZERO_ADDRESS:
        return None
    return f"ethereum:{terms.token}@{chain_id}/approve?address={escrow}&uint256={terms.amount}"

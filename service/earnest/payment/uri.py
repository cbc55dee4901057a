"""The links of a payment: where its buyer pays, and what a wallet understands without a page of ours."""

from __future__ import annotations

from earnest.payment.primitives import ZERO_ADDRESS, Address, Hash32
from earnest.payment.terms import Terms


def checkout_url(base_url: str, payment_id: Hash32) -> str:
    """Return where a payment's buyer pays; `base_url` is the service's, without a slash at the end."""
    return f"{base_url}/checkout/{payment_id}"


def payment_uri(terms: Terms, chain_id: int, escrow: Address) -> str | None:
    """Return the EIP-681 link of a payment, as far as that standard can say it.

    A link can only carry a flat list of arguments, and `fund` takes a tuple; so for a token it asks for the step that
    comes first, the approval of exactly the amount. For the chain's own coin there is no such step, and so no link.

    Source: EIP-681.
    """
    if terms.token == ZERO_ADDRESS:
        return None
    return f"ethereum:{terms.token}@{chain_id}/approve?address={escrow}&uint256={terms.amount}"

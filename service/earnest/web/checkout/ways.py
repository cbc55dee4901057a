"""Ways to pay without a wallet in this browser: links and codes for a phone's wallet, and the deposit address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from earnest.payment.money import format_value
from earnest.payment.status import Status
from earnest.payment.uri import payment_uri
from earnest.web.checkout.facts import Facts

COLLECT_SECONDS: Final = 900
"""A plain transfer has to be mined and then collected, before `pay_by`. Exchanges send withdrawals in batches, and some
hold them back for minutes; a quarter of an hour is a choice of ours, not a measurement."""


@dataclass(frozen=True, slots=True)
class Deposit:
    """Where a plain transfer goes. `until` is Unix time by the chain's clock, before the payment's own end.

    `uri` asks a wallet for exactly this transfer. Source: EIP-681.
    """

    address: str
    value: str
    uri: str
    until: int
    is_open: bool


def deposit(facts: Facts) -> Deposit | None:
    """Return the way by a deposit address; None where nobody would collect it or nothing could go back.

    It goes back to the buyer whom the terms name, and this host collects where it sends for buyers.
    """
    address, terms = facts.deposit_address, facts.payment.terms
    if address is None or not facts.can_relay or facts.status not in (Status.CREATED, Status.EXPIRED):
        return None
    if facts.token.is_coin:
        uri = f"ethereum:{address}@{facts.network.chain_id}?value={terms.amount}"
    else:
        uri = f"ethereum:{terms.token}@{facts.network.chain_id}/transfer?address={address}&uint256={terms.amount}"
    until = terms.pay_by - COLLECT_SECONDS
    value = format_value(terms.amount, facts.token.decimals)
    return Deposit(address, value, uri, until, facts.now < until and facts.status is Status.CREATED)


def approval_uri(facts: Facts) -> str | None:
    """Return the link that asks a wallet for the approval alone; the payment itself follows on this page."""
    return payment_uri(facts.payment.terms, facts.payment.chain_id, facts.payment.escrow)

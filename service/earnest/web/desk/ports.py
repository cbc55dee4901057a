"""What the merchant's desk stands on beside the database; the wiring fills it in, tests put fakes there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from earnest.commands.ports import EndpointKit, Submitter
from earnest.payment.primitives import Address
from earnest.store import Transaction
from earnest.store.records import Endpoint, Page
from earnest.webhooks.trial import Trial

Rows = Page[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class OperatorReport:
    """How the operator of a chain fares in this process; `balance` is wei, None while unknown."""

    chain_id: int
    address: Address
    balance: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """What `Site.desk` is.

    Args:
        clock: wall time in Unix seconds.
        senders: from a chain id to who sends there; raises `Unavailable` where nobody does.
        kit: what commands on webhook endpoints need.
        try_endpoint: posts a test to an endpoint now.
        sums: a merchant's sums by token, as the API tells them.
        recent_sums: the same, maybe as they were some seconds ago where they are dear to add up.
        sum_rows: a piece of the rows of a sum: merchant, name, chain, token, cursor, limit.
        settlements: the report as a file: merchant, from, until (Unix).
        operators: how the operators of this process fare.
        admit_sign_in: counts a try to sign in from an address; raises where there are too many.
        is_live: whether keys made here move real money.
    """

    clock: Callable[[], int]
    senders: Callable[[int], Submitter]
    kit: EndpointKit
    try_endpoint: Callable[[Endpoint], Trial]
    sums: Callable[[Transaction, str], Sequence[Mapping[str, Any]]]
    recent_sums: Callable[[Transaction, str], Sequence[Mapping[str, Any]]]
    sum_rows: Callable[[Transaction, str, str, int, Address, str | None, int], Rows]
    settlements: Callable[[Transaction, str, int | None, int | None], IO[bytes]]
    operators: Callable[[], Sequence[OperatorReport]]
    admit_sign_in: Callable[[str], None]
    is_live: bool = False

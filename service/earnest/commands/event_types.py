"""The types of notifications that an endpoint can ask for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from earnest.payment.errors import InvalidInput

EVENT_TYPES: Final[dict[str, str]] = {
    "payment.funded": "the escrow holds the money",
    "payment.delivered": "the merchant or the operator confirmed the delivery",
    "payment.released": "money went to the merchant, all or a part",
    "payment.refunded": "money went back to the buyer by the merchant's will, all or a part",
    "payment.reclaimed": "the buyer took the money back because a time ran out",
    "payment.disputed": "the buyer disputes the delivery",
    "payment.resolved": "the arbiter split the amount",
    "payment.expired": "nobody paid before pay_by",
    "payment.finalized": "the present status is past the chain's finality",
    "payment.reorged": "the chain dropped a block and took an event of the payment back",
}


def parse_event_types(names: Iterable[str]) -> frozenset[str]:
    """Return the types by their names; raises `InvalidInput` naming those that there are."""
    wanted = frozenset(names)
    if unknown := wanted - EVENT_TYPES.keys():
        raise InvalidInput(
            f"no such type: {', '.join(sorted(unknown))}; there are: {', '.join(EVENT_TYPES)}", param="types"
        )
    return wanted

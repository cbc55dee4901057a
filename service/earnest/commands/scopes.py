"""What an API key may do; a key has some of these, and never more than whoever made it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from earnest.commands.errors import UnknownScope

SCOPES: Final[dict[str, str]] = {
    "payments:read": "see payments, their timelines and the txs sent for them, balances, settlements and settings",
    "payments:write": "create payments, confirm deliveries, release by receipts and in batches",
    "refunds:write": "give money back to buyers",
    "webhooks:read": "see webhook endpoints, deliveries and notifications",
    "webhooks:write": "create and change webhook endpoints, send notifications again",
    "settings:write": "change from which finality on notifications are sent",
    "keys:read": "see the names of API keys",
    "keys:write": "create and revoke API keys",
    "audit:read": "see who changed what",
    "test:write": "move the clock and the blocks of the embedded chain",
}


def parse_scopes(names: Iterable[str]) -> frozenset[str]:
    """Return the scopes by their names; raises `UnknownScope` naming those that there are."""
    wanted = frozenset(names)
    if unknown := wanted - SCOPES.keys():
        raise UnknownScope(unknown, SCOPES)
    return wanted

"""The types of notifications that an endpoint can ask for."""

from __future__ import annotations

from collections.abc import Iterable

from earnest.payment.errors import InvalidInput
from earnest.payment.notifications import NotificationType


def parse_event_types(names: Iterable[str]) -> frozenset[str]:
    """Return the types by their names; raises `InvalidInput` naming those that there are."""
    wanted = frozenset(names)
    if unknown := wanted - set(NotificationType):
        raise InvalidInput(
            f"no such type: {', '.join(sorted(unknown))}; there are: {', '.join(NotificationType)}", param="types"
        )
    return wanted

"""A notification's body as it is signed and posted."""

from __future__ import annotations

import json
from typing import Any, Protocol

from earnest.payment.representation import rfc3339


class Told(Protocol):
    """What the envelope needs of a notification. `created_at` is wall time (Unix)."""

    @property
    def id(self) -> str:
        """The notification's id, the same at each try."""

    @property
    def type(self) -> str:
        """What happened, such as `payment.funded`."""

    @property
    def payload(self) -> dict[str, Any]:
        """The whole payment as it was then."""

    @property
    def created_at(self) -> int:
        """When the mirror wrote it down."""


def represent_notification(notification: Told) -> dict[str, Any]:
    """Return `{"id", "type", "timestamp", "data"}`: the same in a webhook's body and in the list of events."""
    return {
        "id": notification.id,
        "type": notification.type,
        "timestamp": rfc3339(notification.created_at),
        "data": notification.payload,
    }


def envelope(notification: Told) -> bytes:
    """Return the body: compact JSON, the same bytes at each try, so that a receiver may compare them.

    Source: Standard Webhooks, "payload structure".
    """
    return json.dumps(represent_notification(notification), separators=(",", ":"), ensure_ascii=False).encode()

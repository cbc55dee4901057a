"""A notification's body as it is signed and posted."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec


class Told(Protocol):
    """What the envelope needs of a notification."""

    @property
    def id(self) -> str:
        """The notification's id, the same at each try."""

    @property
    def payload(self) -> dict[str, Any]:
        """What the mirror wrote: `type`, `timestamp`, `data` (the whole payment as it was then), `events`."""


def represent_notification(notification: Told) -> dict[str, Any]:
    """Return the payload with its id: the same in a webhook's body and in the list of events."""
    return {"id": notification.id, **notification.payload}


def envelope(notification: Told) -> bytes:
    """Return the body: compact JSON, the same bytes at each try, so that a receiver may compare them.

    Source: Standard Webhooks, "payload structure".
    """
    return msgspec.json.encode(represent_notification(notification))

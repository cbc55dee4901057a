"""The outbox: notifications, and their deliveries to each endpoint."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Connection

from earnest.payment.primitives import Hash32
from earnest.store.records import (
    Attempt,
    Delivery,
    DeliveryReport,
    DeliveryState,
    Endpoint,
    Notification,
    Page,
)


class Outbox:
    """Notifications and their deliveries."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, notifications: Iterable[Notification]) -> None:
        """Add notifications, with one pending delivery to each enabled endpoint of the merchant that wants the type.

        A notification that is there already is left as it is.
        """
        raise NotImplementedError

    def get(self, notification_id: str) -> Notification | None:
        """Return a notification."""
        raise NotImplementedError

    def page(
        self, merchant_id: str, *, cursor: str | None = None, limit: int = 20, payment_id: Hash32 | None = None
    ) -> Page[Notification]:
        """Return a piece of a merchant's notifications, newest first; raises `InvalidInput` for a strange cursor."""
        raise NotImplementedError

    def claim(self, now: int, limit: int, lease_seconds: int) -> Sequence[tuple[Delivery, Notification, Endpoint]]:
        """Claim deliveries that are due; nobody else gets them before `now + lease_seconds`.

        In order per payment and endpoint: none is given while an earlier version of the same payment is pending there.
        """
        raise NotImplementedError

    def record(self, attempt: Attempt, state: DeliveryState, *, retry_at: int | None = None) -> None:
        """Write down an attempt and what follows: delivered, dead, or pending again at `retry_at`.

        A delivery that succeeded stays so, whatever a worker whose lease ran out may report later. `attempt.number`
        gives way to the next free one in that case.
        """
        raise NotImplementedError

    def deliveries(
        self,
        endpoint_id: str,
        *,
        state: DeliveryState | None = None,
        cursor: str | None = None,
        limit: int = 20,
    ) -> Page[DeliveryReport]:
        """Return a piece of an endpoint's deliveries with their attempts, newest first."""
        raise NotImplementedError

    def replay(self, endpoint_id: str, now: int, notification_ids: Collection[str] | None = None) -> int:
        """Make deliveries pending again, due at `now`: these, or all dead ones; returns how many.

        A named notification that never was to go to this endpoint (it is younger) gets a delivery.
        """
        raise NotImplementedError

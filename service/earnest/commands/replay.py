"""Send notifications to an endpoint again, with the ids that they always had."""

from __future__ import annotations

from collections.abc import Collection

from earnest.payment.errors import NotFound
from earnest.store import Store


def replay(
    store: Store, merchant_id: str, endpoint_id: str, *, now: int, notification_ids: Collection[str] | None = None
) -> int:
    """Make deliveries due at once: these, or all that were given up; returns how many.

    Raises:
        NotFound: the merchant has no such endpoint, or no such notification.
    """
    with store.transaction() as tx:
        if tx.endpoints.get(merchant_id, endpoint_id) is None:
            raise NotFound(f"no webhook endpoint {endpoint_id}")
        for each in notification_ids or ():
            notification = tx.outbox.get(each)
            if notification is None or notification.merchant_id != merchant_id:
                raise NotFound(f"no notification {each}")
        return tx.outbox.replay(endpoint_id, now, notification_ids)

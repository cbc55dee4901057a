"""Delete a webhook endpoint with what was still to be delivered to it."""

from __future__ import annotations

from earnest.payment.errors import NotFound
from earnest.store import Store


def delete_endpoint(store: Store, merchant_id: str, endpoint_id: str) -> None:
    """Delete a merchant's endpoint; raises `NotFound` if there is none of that id."""
    with store.transaction() as tx:
        if not tx.endpoints.delete(merchant_id, endpoint_id):
            raise NotFound(f"no webhook endpoint {endpoint_id}")

"""Delete a webhook endpoint with what was still to be delivered to it."""

from __future__ import annotations

from earnest.commands.audit import HOST, By, write_down
from earnest.payment.errors import NotFound
from earnest.store import Store


def delete_endpoint(store: Store, merchant_id: str, endpoint_id: str, *, now: int, by: By = HOST) -> None:
    """Delete a merchant's endpoint at wall time `now`; raises `NotFound` if there is none of that id."""
    with store.transaction() as tx:
        if not tx.endpoints.delete(merchant_id, endpoint_id):
            raise NotFound(f"no webhook endpoint {endpoint_id}")
        write_down(tx, by, merchant_id, now, "endpoint.delete", endpoint_id)

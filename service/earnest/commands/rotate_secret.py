"""Give a webhook endpoint a new secret; for a day the former one signs too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from earnest.commands.audit import HOST, By, write_down
from earnest.commands.create_endpoint import NewEndpoint
from earnest.commands.ports import EndpointKit
from earnest.payment.errors import NotFound
from earnest.store import Store, Transaction


def rotate_secret(
    store: Store,
    kit: EndpointKit,
    merchant_id: str,
    endpoint_id: str,
    *,
    now: int,
    keep: Callable[[Transaction, NewEndpoint], None] | None = None,
    by: By = HOST,
) -> NewEndpoint:
    """Make a new secret at wall time `now` and return it, this once. Raises `NotFound`."""
    with store.transaction() as tx:
        endpoint = tx.endpoints.get(merchant_id, endpoint_id)
        if endpoint is None:
            raise NotFound(f"no webhook endpoint {endpoint_id}")
        secret, sealed = kit.rotate(endpoint.secret_encrypted, now)
        endpoint = replace(endpoint, secret_encrypted=sealed)
        tx.endpoints.update(endpoint)
        write_down(tx, by, merchant_id, now, "endpoint.rotate_secret", endpoint_id)
        new = NewEndpoint(endpoint, secret)
        if keep is not None:
            keep(tx, new)
    return new

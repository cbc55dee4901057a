"""Change a webhook endpoint's URL or types, switch it off, or on again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from earnest.commands.audit import HOST, By, shown_url, write_down
from earnest.commands.event_types import parse_event_types
from earnest.commands.ports import EndpointKit
from earnest.payment.errors import NotFound
from earnest.store import Store
from earnest.store.records import Endpoint


def update_endpoint(
    store: Store,
    kit: EndpointKit,
    merchant_id: str,
    endpoint_id: str,
    *,
    now: int,
    url: str | None = None,
    types: Iterable[str] | None = None,
    enabled: bool | None = None,
    by: By = HOST,
) -> Endpoint:
    """Change what is not None; what is pending goes to the new URL, and waits while the endpoint is off.

    Raises:
        NotFound: the merchant has no such endpoint.
        InvalidInput: URL or types cannot be used.
    """
    new_url = None if url is None else kit.check_url(url)
    new_types = None if types is None else parse_event_types(types)
    with store.transaction() as tx:
        endpoint = tx.endpoints.get(merchant_id, endpoint_id)
        if endpoint is None:
            raise NotFound(f"no webhook endpoint {endpoint_id}")
        if new_url is not None:
            endpoint = replace(endpoint, url=new_url)
        if new_types is not None:
            endpoint = replace(endpoint, types=new_types)
        if enabled is True:
            endpoint = replace(endpoint, disabled_at=None, disabled_reason=None)
        elif enabled is False and endpoint.disabled_at is None:
            endpoint = replace(endpoint, disabled_at=now, disabled_reason="switched off by the merchant")
        tx.endpoints.update(endpoint)
        shown = {
            "url": None if new_url is None else shown_url(new_url),
            "types": None if new_types is None else sorted(new_types),
            "enabled": enabled,
        }
        write_down(tx, by, merchant_id, now, "endpoint.update", endpoint_id, **shown)
    return endpoint

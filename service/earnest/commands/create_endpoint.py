"""Add a webhook endpoint; its secret is shown once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from earnest.commands.audit import HOST, By, shown_url, write_down
from earnest.commands.errors import TooMany
from earnest.commands.event_types import parse_event_types
from earnest.commands.names import Random, new_id, strong_random
from earnest.commands.ports import EndpointKit
from earnest.payment.errors import NotFound
from earnest.store import Store, Transaction
from earnest.store.records import Endpoint

MAX_ENDPOINTS: Final = 20
"""Each one gets a copy of every notification, so their number multiplies the work."""


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint with the secret that it has now; `secret` is shown this once."""

    endpoint: Endpoint
    secret: str

    def __repr__(self) -> str:
        """Show which endpoint it is, never its secret."""
        return f"NewEndpoint({self.endpoint.id})"


def create_endpoint(
    store: Store,
    kit: EndpointKit,
    merchant_id: str,
    url: str,
    *,
    now: int,
    types: Iterable[str] = (),
    random: Random = strong_random,
    keep: Callable[[Transaction, NewEndpoint], None] | None = None,
    by: By = HOST,
) -> NewEndpoint:
    """Add an endpoint; it is told of what happens from now on (older things by `replay`).

    Args:
        kit: checks the URL and makes the secret.
        url: https, of a public host.
        types: the notifications it wants; none: all.
        now: wall time (Unix).
        keep: what else belongs to the same transaction.
        by: who adds it.

    Raises:
        InvalidInput: URL or types cannot be used.
        NotFound: no such merchant.
        TooMany: the merchant has as many as one can have.
    """
    checked = kit.check_url(url)
    secret, sealed = kit.new_secret()
    endpoint = Endpoint(
        id=new_id("we", random),
        merchant_id=merchant_id,
        url=checked,
        types=parse_event_types(types),
        secret_encrypted=sealed,
        created_at=now,
    )
    new = NewEndpoint(endpoint, secret)
    with store.transaction() as tx:
        if tx.merchants.get(merchant_id) is None:
            raise NotFound(f"no merchant {merchant_id}")
        if len(tx.endpoints.list(merchant_id)) >= MAX_ENDPOINTS:
            raise TooMany(f"a merchant has at most {MAX_ENDPOINTS} webhook endpoints; delete one first")
        tx.endpoints.add(endpoint)
        shown = {"url": shown_url(checked), "types": sorted(endpoint.types)}
        write_down(tx, by, merchant_id, now, "endpoint.create", endpoint.id, **shown)
        if keep is not None:
            keep(tx, new)
    return new

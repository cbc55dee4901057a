"""Give a webhook endpoint a new secret; for a day the former one signs too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from earnest.commands.create_endpoint import NewEndpoint
from earnest.commands.names import Random, strong_random
from earnest.payment.errors import NotFound
from earnest.store import Store, Transaction
from earnest.webhooks.endpoint_secrets import EndpointSecrets
from earnest.webhooks.secretbox import SecretBox
from earnest.webhooks.signature import SECRET_BYTES, format_secret


def rotate_secret(
    store: Store,
    secrets: SecretBox,
    merchant_id: str,
    endpoint_id: str,
    *,
    now: int,
    random: Random = strong_random,
    keep: Callable[[Transaction, NewEndpoint], None] | None = None,
) -> NewEndpoint:
    """Make a new secret at wall time `now` and return it, this once. Raises `NotFound`, `WrongSecretKey`."""
    secret = format_secret(random(SECRET_BYTES))
    with store.transaction() as tx:
        endpoint = tx.endpoints.get(merchant_id, endpoint_id)
        if endpoint is None:
            raise NotFound(f"no webhook endpoint {endpoint_id}")
        present = EndpointSecrets.unseal(endpoint.secret_encrypted, secrets)
        endpoint = replace(endpoint, secret_encrypted=present.rotated(secret, now).seal(secrets))
        tx.endpoints.update(endpoint)
        new = NewEndpoint(endpoint, secret)
        if keep is not None:
            keep(tx, new)
    return new

"""Who asks: the API key behind a request, its scopes, and how often it asks."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from earnest.api.access import Access
from earnest.api.errors import MissingScope, Unauthenticated
from earnest.api.limits import TokenBuckets
from earnest.api.services import Limits
from earnest.commands.create_key import hash_secret
from earnest.store import Store
from earnest.store.records import ApiKey

_BEARER: Final = re.compile(r"bearer +(ek_(?:test|live)_[A-Za-z0-9_-]{20,100}) *", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever showed a valid key."""

    merchant_id: str
    key_id: str
    scopes: frozenset[str]


class Gate:
    """Lets requests in, or not.

    Args:
        store: where the keys' hashes are.
        clock: wall time in Unix seconds.
        limits: how often a key, and an address without one, may ask.
    """

    def __init__(self, store: Store, clock: Callable[[], int], limits: Limits) -> None:
        self._store, self._clock = store, clock
        self._keys = TokenBuckets(limits.key_requests_per_second, limits.key_burst)
        self._addresses = TokenBuckets(limits.public_requests_per_second, limits.public_burst)

    def admit(self, access: Access, authorization: str | None, address: str) -> Caller | None:
        """Return who asks, None on a public route.

        Args:
            access: what the route demands.
            authorization: the header.
            address: where the request comes from; counted where no key is.

        Raises:
            Unauthenticated: no key, or not one that is valid now; it does not say which of these.
            MissingScope: the key may not do this.
            TooManyRequests: asked too often.
        """
        if access.scope is None:
            if access.limited:
                self._addresses.take(address)
            return None
        key = self._find(authorization)
        if key is None:
            self._addresses.take(address)
            raise Unauthenticated("give a valid API key as Authorization: Bearer ek_…")
        self._keys.take(key.id)
        if access.scope not in key.scopes:
            raise MissingScope(access.scope)
        return Caller(key.merchant_id, key.id, key.scopes)

    def still_admits(self, authorization: str | None, scope: str) -> bool:
        """Return whether a key that was let in before would be now; nothing is counted."""
        key = self._find(authorization)
        return key is not None and scope in key.scopes

    def _find(self, authorization: str | None) -> ApiKey | None:
        match = _BEARER.fullmatch(authorization or "")
        if not match:
            return None
        wanted = hash_secret(match[1])
        with self._store.read() as tx:
            key = tx.keys.find(wanted)
        if key is None or not hmac.compare_digest(key.hash, wanted):
            return None
        now = self._clock()
        expired = key.expires_at is not None and key.expires_at <= now
        return None if expired or key.revoked_at is not None else key

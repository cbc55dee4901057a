"""Sign in to the merchant's desk and out again: a key is traded for a session, of which only the hash is kept."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from earnest.commands.audit import By, write_down
from earnest.commands.create_key import hash_secret
from earnest.commands.errors import NotSignedIn
from earnest.commands.names import Random, strong_random
from earnest.store import Store, Transaction
from earnest.store.records import ApiKey, Merchant, Session

SECRET_BYTES: Final = 32
LONGEST_SECONDS: Final = 7 * 86_400
"""A session ends after a week, however busy it is: a week is what a lost laptop is noticed in."""
IDLE_SECONDS: Final = 12 * 3_600
"""Unused over a night, it is over: a shop's day is shorter than that."""
SEEN_EVERY_SECONDS: Final = 300
"""Use is noted this often, so that looking at a page does not mean writing."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in: whose account it is, what he may do (scopes), and who he is for the audit log."""

    session: Session
    merchant: Merchant
    scopes: frozenset[str]

    @property
    def by(self) -> str:
        """The audit log's actor."""
        return f"key:{self.session.key_id}"


def sign_in(
    store: Store, key: str, now: int, *, request_id: str | None = None, random: Random = strong_random
) -> tuple[str, Session]:
    """Begin a session by an API key at wall time `now`; returns what the browser keeps, shown this once.

    Raises:
        NotSignedIn: the key is not one that is valid now; it is not told which of these.
    """
    with store.transaction() as tx:
        found = tx.keys.find(hash_secret(key.strip()))
        if found is None or not is_valid(found, now):
            raise NotSignedIn("this is no API key that is valid now")
        return _begin(tx, found, now, random, By(f"key:{found.id}", request_id))


def signed_in(store: Store, secret: str, now: int) -> Visitor | None:
    """Return who keeps this secret, None where the session or its key is over."""
    hash_hex = hash_secret(secret)
    with store.read() as tx:
        session = tx.sessions.find(hash_hex)
        if session is None or session.ends_at <= now or session.seen_at + IDLE_SECONDS <= now:
            return None
        merchant, key = tx.merchants.get(session.merchant_id), tx.keys.get(session.key_id)
    if merchant is None or key is None or not is_valid(key, now):
        return None
    if now - session.seen_at >= SEEN_EVERY_SECONDS:
        with store.transaction() as tx:
            tx.sessions.see(hash_hex, now)
    return Visitor(session, merchant, key.scopes)


def sign_out(store: Store, secret: str, now: int, *, request_id: str | None = None) -> None:
    """End a session; one that is over already changes nothing."""
    hash_hex = hash_secret(secret)
    with store.transaction() as tx:
        session = tx.sessions.find(hash_hex)
        if session is None:
            return
        tx.sessions.end(hash_hex)
        by = By(f"key:{session.key_id}", request_id)
        write_down(tx, by, session.merchant_id, now, "session.end", hash_hex[:12])


def is_valid(key: ApiKey, now: int) -> bool:
    """Whether a key is neither revoked nor expired at wall time `now`."""
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def _begin(tx: Transaction, key: ApiKey, now: int, random: Random, by: By) -> tuple[str, Session]:
    secret = base64.urlsafe_b64encode(random(SECRET_BYTES)).rstrip(b"=").decode()
    ends_at = now + LONGEST_SECONDS
    if key.expires_at is not None:
        ends_at = min(ends_at, key.expires_at)
    session = Session(hash_secret(secret), key.merchant_id, key.id, created_at=now, seen_at=now, ends_at=ends_at)
    tx.sessions.forget_ended(now)
    tx.sessions.add(session)
    # The audit log names a session by the beginning of its hash, which signs nobody in.
    write_down(tx, by, key.merchant_id, now, "session.begin", session.hash[:12])
    return secret, session

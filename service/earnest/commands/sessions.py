"""Sign in to the merchant's desk and out again: a key is traded for a session, of which only the hash is kept."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Final

from earnest.commands.audit import By, write_down
from earnest.commands.create_key import hash_secret
from earnest.commands.errors import NotSignedIn
from earnest.commands.names import Random, strong_random
from earnest.commands.scopes import SCOPES
from earnest.payment.primitives import Address
from earnest.store import Store, Transaction
from earnest.store.records import ApiKey, Merchant, Session

SECRET_BYTES: Final = 32
LONGEST_SECONDS: Final = 7 * 86_400
"""A session ends after a week, however busy it is: a week is what a lost laptop is noticed in."""
IDLE_SECONDS: Final = 12 * 3_600
"""Unused over a night, it is over: a shop's day is shorter than that."""
SEEN_EVERY_SECONDS: Final = 300
"""Use is noted this often, so that looking at a page does not mean writing."""
OF_THE_OWNER: Final = frozenset(SCOPES) - {"test:write"}
"""Whoever holds the wallet that is paid owns the account."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody signed in: whose account it is, what he may do (scopes), and who he is for the audit log."""

    session: Session
    merchant: Merchant
    scopes: frozenset[str]

    @property
    def by(self) -> str:
        """The audit log's actor."""
        return actor_of(self.session)


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
        return begin(tx, found.merchant_id, now, key=found, request_id=request_id, random=random)


def signed_in(store: Store, secret: str, now: int) -> Visitor | None:
    """Return who keeps this secret, None where the session or its key is over."""
    hash_hex = hash_secret(secret)
    with store.read() as tx:
        session = tx.sessions.find(hash_hex)
        if session is None or is_over(session, now):
            return None
        merchant = tx.merchants.get(session.merchant_id)
        key = tx.keys.get(session.key_id) if session.key_id is not None else None
    if merchant is None:
        return None
    if session.key_id is None:
        scopes = OF_THE_OWNER if session.wallet == merchant.payout else frozenset()
    elif key is None or not is_valid(key, now):
        return None
    else:
        scopes = key.scopes
    if now - session.seen_at >= SEEN_EVERY_SECONDS:
        with store.transaction() as tx:
            tx.sessions.see(hash_hex, now)
    return Visitor(session, merchant, scopes)


def sign_out(store: Store, secret: str, now: int, *, request_id: str | None = None) -> None:
    """End a session; one that is over already changes nothing."""
    hash_hex = hash_secret(secret)
    with store.transaction() as tx:
        session = tx.sessions.find(hash_hex)
        if session is None:
            return
        tx.sessions.end(hash_hex)
        by = By(actor_of(session), request_id)
        write_down(tx, by, session.merchant_id, now, "session.end", hash_hex[:12])


def is_over(session: Session, now: int) -> bool:
    """Whether a session has ended by itself at wall time `now`; its key may have ended too, which is for `is_valid`."""
    return session.ends_at <= now or session.seen_at + IDLE_SECONDS <= now


def is_valid(key: ApiKey, now: int) -> bool:
    """Whether a key is neither revoked nor expired at wall time `now`."""
    return key.revoked_at is None and (key.expires_at is None or now < key.expires_at)


def begin(
    tx: Transaction,
    merchant_id: str,
    now: int,
    *,
    key: ApiKey | None = None,
    wallet: Address | None = None,
    request_id: str | None = None,
    random: Random = strong_random,
) -> tuple[str, Session]:
    """Begin a session of whoever was found to be right, by one of `key` and `wallet`."""
    secret = base64.urlsafe_b64encode(random(SECRET_BYTES)).rstrip(b"=").decode()
    ends_at = now + LONGEST_SECONDS
    if key is not None and key.expires_at is not None:
        ends_at = min(ends_at, key.expires_at)
    session = Session(hash_secret(secret), merchant_id, now, now, ends_at, key.id if key else None, wallet)
    tx.sessions.forget_ended(now)
    tx.sessions.add(session)
    # The audit log names a session by the beginning of its hash, which signs nobody in.
    write_down(tx, By(actor_of(session), request_id), merchant_id, now, "session.begin", session.hash[:12])
    return secret, session


def actor_of(session: Session) -> str:
    """Return who somebody signed in is to the audit log."""
    return f"wallet:{session.wallet}" if session.wallet else f"key:{session.key_id}"

"""Make an API key: 32 random bytes that are shown once; only their hash is kept."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from earnest.commands.audit import HOST, By, write_down
from earnest.commands.key_name import KeyName
from earnest.commands.names import Random, new_id, strong_random
from earnest.commands.scopes import SCOPES, parse_scopes
from earnest.payment.errors import InvalidInput, NotFound
from earnest.store import Store, Transaction
from earnest.store.records import ApiKey

SECRET_BYTES: Final = 32
SHOWN_CHARACTERS: Final = 4
"""How much of the random part people may see to tell keys apart; 40 more characters stay unknown."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made: `secret` is shown this once and kept nowhere."""

    key: ApiKey
    secret: str

    def __repr__(self) -> str:
        """Show which key it is, never its secret."""
        return f"NewKey({self.key.id})"


def create_key(
    store: Store,
    merchant_id: str,
    *,
    now: int,
    name: KeyName | None = None,
    scopes: Iterable[str] = SCOPES,
    live: bool = False,
    expires_at: int | None = None,
    random: Random = strong_random,
    keep: Callable[[Transaction, NewKey], None] | None = None,
    by: By = HOST,
) -> NewKey:
    """Make a key for a merchant.

    Args:
        now: wall time (Unix).
        name: what people call it.
        scopes: what it may do; all of them by default.
        live: whether it moves real money, which only its prefix tells.
        expires_at: wall time (Unix) from which on it is refused; None: never.
        random: where the secret comes from.
        keep: what else belongs to the same transaction.
        by: who makes it.

    Raises:
        NotFound: no such merchant.
        UnknownScope, InvalidInput: scopes or expiry cannot be used.
    """
    granted = parse_scopes(scopes)
    if not granted:
        raise InvalidInput("a key without a scope could do nothing", param="scopes")
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(f"the key would expire at {expires_at}, and it is {now} now", param="expires_at")
    stem = "ek_live_" if live else "ek_test_"
    text = base64.urlsafe_b64encode(random(SECRET_BYTES)).rstrip(b"=").decode()
    key = ApiKey(
        id=new_id("key", random),
        merchant_id=merchant_id,
        hash=hash_secret(stem + text),
        prefix=stem + text[:SHOWN_CHARACTERS],
        scopes=granted,
        created_at=now,
        expires_at=expires_at,
        name=name,
    )
    new = NewKey(key, stem + text)
    with store.transaction() as tx:
        if tx.merchants.get(merchant_id) is None:
            raise NotFound(f"no merchant {merchant_id}")
        tx.keys.add(key)
        detail = {"name": name, "scopes": sorted(granted), "expires_at": expires_at}
        write_down(tx, by, merchant_id, now, "key.create", key.id, **detail)
        if keep is not None:
            keep(tx, new)
    return new


def hash_secret(secret: str) -> str:
    """Return what is kept of a key's secret: its SHA-256. A slow hash is for passwords; these are 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()

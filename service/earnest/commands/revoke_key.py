"""Revoke an API key; from then on it is refused, and whoever signed in with it is signed out."""

from __future__ import annotations

from earnest.commands.audit import HOST, By, write_down
from earnest.commands.open_sessions import end_sessions_of_key
from earnest.payment.errors import NotFound
from earnest.store import Store


def revoke_key(store: Store, merchant_id: str, key_id: str, now: int, *, by: By = HOST) -> None:
    """Revoke a merchant's key at wall time `now`; doing it twice changes nothing. Raises `NotFound`."""
    with store.transaction() as tx:
        if not any(each.id == key_id for each in tx.keys.list(merchant_id)):
            raise NotFound(f"no key {key_id}")
        tx.keys.revoke(key_id, now)
        write_down(tx, by, merchant_id, now, "key.revoke", key_id)
        end_sessions_of_key(tx, merchant_id, key_id, by, now)

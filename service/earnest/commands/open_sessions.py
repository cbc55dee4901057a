"""Who is signed in at an account's desk, and an end to it: one session, or all but one's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from earnest.commands.audit import By, write_down
from earnest.commands.sessions import Visitor, actor_of, is_over, is_valid
from earnest.payment.errors import NotFound
from earnest.store import Store, Transaction
from earnest.store.records import ApiKey, Session

SHOWN: Final = 12
"""How much of a session's hash names it, here and in the audit log; its secret does not follow from that."""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session that is not over: `key` is what it was begun with, None where that was a wallet."""

    session: Session
    key: ApiKey | None
    is_this: bool

    @property
    def id(self) -> str:
        """Its name."""
        return id_of(self.session)


def id_of(session: Session) -> str:
    """Return the name of a session."""
    return session.hash[:SHOWN]


def open_sessions(store: Store, visitor: Visitor, now: int) -> Sequence[OpenSession]:
    """Return the sessions that a visitor may see and end at wall time `now`, the newest first.

    They are those begun as his was, by the same key or the same wallet; with `keys:write`, which could end them by
    their keys, all of the account's.
    """
    with store.read() as tx:
        return _open(tx, visitor, now)


def end_session(store: Store, visitor: Visitor, session_id: str, now: int, *, request_id: str | None = None) -> bool:
    """End one of them; returns whether it was the visitor's own. Raises `NotFound`."""
    with store.transaction() as tx:
        ended = [each for each in _open(tx, visitor, now) if each.id == session_id]
        if not ended:
            raise NotFound(f"no session {session_id} is open")
        _end(tx, [each.session for each in ended], By(visitor.by, request_id), now)
    return any(each.is_this for each in ended)


def end_other_sessions(store: Store, visitor: Visitor, now: int, *, request_id: str | None = None) -> int:
    """End all of them but the visitor's own; returns how many that were."""
    with store.transaction() as tx:
        others = [each.session for each in _open(tx, visitor, now) if not each.is_this]
        _end(tx, others, By(visitor.by, request_id), now)
    return len(others)


def end_sessions_of_key(tx: Transaction, merchant_id: str, key_id: str, by: By, now: int) -> None:
    """End every session that was begun with a key, in the transaction that revokes it."""
    _end(tx, [each for each in tx.sessions.list(merchant_id) if each.key_id == key_id], by, now)


def _open(tx: Transaction, visitor: Visitor, now: int) -> list[OpenSession]:
    keys = {each.id: each for each in tx.keys.list(visitor.merchant.id)}
    sees_all = "keys:write" in visitor.scopes
    found = []
    for each in tx.sessions.list(visitor.merchant.id):
        key = keys.get(each.key_id) if each.key_id is not None else None
        is_dead = is_over(each, now) or (each.key_id is not None and (key is None or not is_valid(key, now)))
        if not is_dead and (sees_all or actor_of(each) == visitor.by):
            found.append(OpenSession(each, key, each.hash == visitor.session.hash))
    return found


def _end(tx: Transaction, sessions: Sequence[Session], by: By, now: int) -> None:
    for each in sessions:
        tx.sessions.end(each.hash)
        write_down(tx, by, each.merchant_id, now, "session.end", id_of(each), of=actor_of(each))

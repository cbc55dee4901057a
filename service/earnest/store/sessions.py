"""Who is signed in at the merchant's desk, by the hash of what his browser keeps."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Table, Text, select

from earnest.payment.primitives import Address
from earnest.store.records import Session
from earnest.store.schema import columns_of, metadata

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.id"), nullable=False, index=True),
    Column("key_id", Text, ForeignKey("api_keys.id")),
    Column("wallet", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False, index=True),
)

# Texts that wallets were asked to sign, by their hashes; each is taken once.
asked_to_sign = Table(
    "asked_to_sign",
    metadata,
    Column("hash", Text, primary_key=True),
    Column("wallet", Text, nullable=False),
    Column("ends_at", BigInteger, nullable=False, index=True),
)


class Sessions:
    """The sessions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, session: Session) -> None:
        """Add a session; raises `AlreadyThere`."""
        self._connection.execute(sessions.insert(), columns_of(session))

    def find(self, hash_hex: str) -> Session | None:
        """Return the session whose secret has this SHA-256, one that is over too; the caller judges."""
        row = self._connection.execute(select(sessions).where(sessions.c.hash == hash_hex)).one_or_none()
        return Session(**row._mapping) if row else None

    def list(self, merchant_id: str) -> Sequence[Session]:
        """Return a merchant's sessions, newest first."""
        c = sessions.c
        wanted = select(sessions).where(c.merchant_id == merchant_id).order_by(c.created_at.desc(), c.hash)
        return [Session(**row._mapping) for row in self._connection.execute(wanted)]

    def see(self, hash_hex: str, at: int) -> None:
        """Note that a session was used."""
        self._connection.execute(sessions.update().where(sessions.c.hash == hash_hex).values(seen_at=at))

    def end(self, hash_hex: str) -> bool:
        """Forget a session; returns whether there was one."""
        return self._connection.execute(sessions.delete().where(sessions.c.hash == hash_hex)).rowcount > 0

    def ask(self, hash_hex: str, wallet: Address, ends_at: int) -> None:
        """Keep that a wallet was asked to sign the text with this SHA-256."""
        self._connection.execute(asked_to_sign.insert(), {"hash": hash_hex, "wallet": wallet, "ends_at": ends_at})

    def take(self, hash_hex: str, now: int) -> Address | None:
        """Return who was asked to sign a text, once; None for whoever comes second or late (wall time `now`)."""
        c = asked_to_sign.c
        row = self._connection.execute(select(asked_to_sign).where(c.hash == hash_hex)).one_or_none()
        # Of two at once only one deletes the row.
        gone = self._connection.execute(asked_to_sign.delete().where(c.hash == hash_hex)).rowcount > 0
        return Address(row.wallet) if row is not None and gone and now < row.ends_at else None

    def forget_ended(self, now: int) -> int:
        """Forget the sessions that are over at wall time `now`, and texts that nobody signed; returns how many."""
        self._connection.execute(asked_to_sign.delete().where(asked_to_sign.c.ends_at <= now))
        return self._connection.execute(sessions.delete().where(sessions.c.ends_at <= now)).rowcount

"""Outgoing txs, kept with their signed bytes before anything is broadcast, and the nonces they took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    func,
    select,
    text,
)

from earnest.payment.errors import NotFound
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef
from earnest.store.records import SETTLED_TX_STATES, TxAttemptRow, TxRow
from earnest.store.schema import Amount, columns_of, insert, metadata

nonces = Table(
    "nonces",
    metadata,
    Column("chain_id", BigInteger, primary_key=True, autoincrement=False),
    Column("sender", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)

txs = Table(
    "txs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("chain_id", BigInteger, nullable=False),
    Column("sender", Text, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("verb", Text, nullable=False),
    Column("payment_id", Text),
    Column("to", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("value", Amount, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("dedupe_key", Text, nullable=False, unique=True),
    Column("merchant_id", Text, ForeignKey("merchants.id")),
    Column("block_number", BigInteger),
    Column("block_hash", Text),
    Column("block_timestamp", BigInteger),
    Column("error", Text),
    Index(None, "merchant_id", "payment_id"),
)
Index(
    "uq_txs_live_nonce",
    txs.c.chain_id,
    txs.c.sender,
    txs.c.nonce,
    unique=True,
    sqlite_where=text("state <> 'lost'"),
    postgresql_where=text("state <> 'lost'"),
)

tx_attempts = Table(
    "tx_attempts",
    metadata,
    Column("tx_id", Text, ForeignKey("txs.id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("raw", LargeBinary, nullable=False),
    Column("nonce", BigInteger, nullable=False),
    Column("gas", BigInteger, nullable=False),
    Column("max_fee_per_gas", Amount, nullable=False),
    Column("max_priority_fee_per_gas", Amount, nullable=False),
    Column("signed_at", BigInteger, nullable=False),
)


class Txs:
    """Outgoing txs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take_nonce(self, chain_id: int, sender: Address, chain_nonce: int) -> int:
        """Return the next nonce of a sender and count it as taken; others wait until this transaction ends.

        It is the larger one of `chain_nonce` (what the node counts) and what follows the one handed out last.
        """
        there = insert(self._connection.dialect.name, nonces).values(chain_id=chain_id, sender=sender, next=chain_nonce)
        self._connection.execute(there.on_conflict_do_nothing())
        this = (nonces.c.chain_id == chain_id) & (nonces.c.sender == sender)
        following = self._connection.execute(select(nonces.c.next).where(this).with_for_update()).scalar_one()
        nonce = max(int(following), chain_nonce)
        self._connection.execute(nonces.update().where(this).values(next=nonce + 1))
        return nonce

    def add(self, tx: TxRow) -> None:
        """Add a tx with its attempts; raises `AlreadyThere` if the id, the nonce or the dedupe key is taken."""
        row = columns_of(tx)
        del row["attempts"], row["block"]
        self._connection.execute(txs.insert(), row | _block_columns(tx.block))
        for attempt in tx.attempts:
            self.add_attempt(tx.id, attempt)

    def get(self, tx_id: str) -> TxRow | None:
        """Return a tx."""
        return next(iter(self._read(select(txs).where(txs.c.id == tx_id))), None)

    def by_dedupe_key(self, dedupe_key: str) -> TxRow | None:
        """Return the tx that was signed for this intent."""
        return next(iter(self._read(select(txs).where(txs.c.dedupe_key == dedupe_key))), None)

    def find(self, merchant_id: str, payment_id: Hash32) -> Sequence[TxRow]:
        """Return the txs that we sent for a merchant's payment, oldest first."""
        wanted = select(txs).where(txs.c.merchant_id == merchant_id, txs.c.payment_id == payment_id)
        return self._read(wanted.order_by(txs.c.created_at, txs.c.nonce))

    def count(self, merchant_id: str, payment_id: Hash32, stem: str) -> int:
        """Return how many txs of a payment have a dedupe key that begins with a stem, whatever became of them."""
        c = txs.c
        named = func.substr(c.dedupe_key, 1, len(stem)) == stem
        wanted = select(func.count()).where(c.merchant_id == merchant_id, c.payment_id == payment_id, named)
        return int(self._connection.execute(wanted).scalar_one())

    def unsettled(self, chain_id: int, sender: Address) -> Sequence[TxRow]:
        """Return a sender's txs that still need care, by nonce."""
        wanted = select(txs).where(txs.c.chain_id == chain_id, txs.c.sender == sender)
        return self._read(wanted.where(txs.c.state.not_in(sorted(SETTLED_TX_STATES))).order_by(txs.c.nonce))

    def add_attempt(self, tx_id: str, attempt: TxAttemptRow) -> None:
        """Keep another signed form of a tx; the same bytes again change nothing. Raises `NotFound`."""
        if self._connection.execute(select(txs.c.id).where(txs.c.id == tx_id).with_for_update()).first() is None:
            raise NotFound(f"there is no tx {tx_id}")
        known = select(func.count(), func.count().filter(tx_attempts.c.hash == attempt.hash))
        number, same = self._connection.execute(known.where(tx_attempts.c.tx_id == tx_id)).one()
        if not same:
            row = columns_of(attempt) | {"tx_id": tx_id, "number": number + 1}
            self._connection.execute(tx_attempts.insert(), row)

    def set_state(self, tx_id: str, state: str, *, block: BlockRef | None = None, error: str | None = None) -> None:
        """Write down how far a tx has come; block and error are those of this state. Raises `NotFound`."""
        moved = txs.update().where(txs.c.id == tx_id).values(state=state, error=error, **_block_columns(block))
        if self._connection.execute(moved).rowcount == 0:
            raise NotFound(f"there is no tx {tx_id}")

    def _read(self, wanted: Select[Any]) -> list[TxRow]:
        rows = self._connection.execute(wanted).all()
        forms: dict[str, list[TxAttemptRow]] = {row.id: [] for row in rows}
        if forms:
            of_these = select(tx_attempts).where(tx_attempts.c.tx_id.in_(list(forms)))
            for each in self._connection.execute(of_these.order_by(tx_attempts.c.number)):
                columns = dict(each._mapping)
                del columns["number"]
                forms[columns.pop("tx_id")].append(TxAttemptRow(**columns))
        return [_tx(dict(row._mapping), forms[row.id]) for row in rows]


def _tx(columns: dict[str, Any], attempts: list[TxAttemptRow]) -> TxRow:
    number, block_hash, timestamp = (columns.pop(f"block_{name}") for name in ("number", "hash", "timestamp"))
    block = None if number is None else BlockRef(number, block_hash, timestamp)
    return TxRow(**columns, attempts=tuple(attempts), block=block)


def _block_columns(block: BlockRef | None) -> dict[str, Any]:
    return {
        "block_number": block.number if block else None,
        "block_hash": block.hash if block else None,
        "block_timestamp": block.timestamp if block else None,
    }

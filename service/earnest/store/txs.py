"""Outgoing txs, kept with their signed bytes before anything is broadcast, and the nonces they took."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef
from earnest.store.records import (
    TxAttemptRow,
    TxRow,
)


class Txs:
    """Outgoing txs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def take_nonce(self, chain_id: int, sender: Address, chain_nonce: int) -> int:
        """Return the next nonce of a sender and count it as taken; others wait until this transaction ends.

        It is the larger one of `chain_nonce` (what the node counts) and what was handed out here before, plus one.
        """
        raise NotImplementedError

    def add(self, tx: TxRow) -> None:
        """Add a tx with its attempts; raises `AlreadyThere` if the id, the nonce or the dedupe key is taken."""
        raise NotImplementedError

    def get(self, tx_id: str) -> TxRow | None:
        """Return a tx."""
        raise NotImplementedError

    def by_dedupe_key(self, dedupe_key: str) -> TxRow | None:
        """Return the tx that was signed for this intent."""
        raise NotImplementedError

    def find(self, merchant_id: str, payment_id: Hash32) -> Sequence[TxRow]:
        """Return the txs that we sent for a merchant's payment, oldest first."""
        raise NotImplementedError

    def unsettled(self, chain_id: int, sender: Address) -> Sequence[TxRow]:
        """Return a sender's txs that still need care, by nonce."""
        raise NotImplementedError

    def add_attempt(self, tx_id: str, attempt: TxAttemptRow) -> None:
        """Keep another signed form of a tx; the same bytes again change nothing. Raises `NotFound`."""
        raise NotImplementedError

    def set_state(self, tx_id: str, state: str, *, block: BlockRef | None = None, error: str | None = None) -> None:
        """Write down how far a tx has come. Raises `NotFound`."""
        raise NotImplementedError

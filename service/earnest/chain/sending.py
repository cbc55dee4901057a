"""What we send: an intent, the signed tx that carries it out, where it stands, and the journal that remembers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef


class TxState(StrEnum):
    """Where a tx of ours stands."""

    SIGNED = "signed"
    """Stored with its raw bytes, not yet known to have reached a node."""
    BROADCAST = "broadcast"
    """A node took it, or it fell out of its block by a reorg."""
    INCLUDED = "included"
    """In a block that is not final; `error` is set if it reverted there."""
    FINAL = "final"
    """In a final block, and it did what it should. Settled."""
    FAILED = "failed"
    """In a final block, and it reverted. Settled."""
    LOST = "lost"
    """Its nonce was used by another tx that is final, so it can never be mined. Settled."""

    @property
    def settled(self) -> bool:
        """Whether nothing can change it any more."""
        return self in SETTLED


SETTLED: Final = frozenset({TxState.FINAL, TxState.FAILED, TxState.LOST})


@dataclass(frozen=True, slots=True)
class Budget:
    """No more than `most` txs for one payment whose dedupe keys begin with `stem`."""

    stem: str
    most: int


@dataclass(frozen=True, slots=True)
class TxIntent:
    """What is to be done, before it has a nonce or a price.

    `verb` and `payment_id` say it in the house's words, for people and for the timeline. `value` is in wei. Two intents
    with the same `dedupe_key` are one: the second gets the first one's tx.

    It is signed with at least `least_gas`, and with at most `most_gas` (None: what a chain takes): where a stranger's
    contract is called, what it burns is ours to pay for. A `budget` is looked at where the nonce is taken, one intent
    after the other.
    """

    verb: str
    payment_id: Hash32
    to: Address
    data: bytes
    value: int
    merchant_id: str | None
    dedupe_key: str
    least_gas: int = 0
    most_gas: int | None = None
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class UnsignedTx:
    """An EIP-1559 tx as it is signed; fees are in wei per gas."""

    chain_id: int
    nonce: int
    to: Address
    data: bytes
    value: int
    gas: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int


@dataclass(frozen=True, slots=True)
class SignedTx:
    """One signed attempt: the bytes to broadcast and what they say. `signed_at` is wall time (Unix seconds)."""

    hash: Hash32
    raw: bytes
    nonce: int
    gas: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    signed_at: int


@dataclass(frozen=True, slots=True)
class OutgoingTx:
    """An intent with its one nonce and all attempts to get it mined, oldest first.

    Every attempt has the same nonce, so at most one of them can ever be mined. `block` is where one of them stands.
    """

    id: str
    chain_id: int
    sender: Address
    nonce: int
    verb: str
    payment_id: Hash32
    to: Address
    data: bytes
    value: int
    gas: int
    state: TxState
    attempts: tuple[SignedTx, ...]
    block: BlockRef | None
    error: str | None
    created_at: int
    merchant_id: str | None

    @property
    def newest(self) -> SignedTx:
        """The attempt that a node should have now."""
        return self.attempts[-1]


class TxJournal(Protocol):
    """Where txs are remembered before the world sees them; of one chain and one sender. Filled in by the wiring."""

    def find(self, dedupe_key: str) -> OutgoingTx | None:
        """Return the tx that an intent with this key already has, settled or not."""

    def enqueue(self, intent: TxIntent, chain_nonce: int, sign: Callable[[int], SignedTx]) -> OutgoingTx:
        """Take a nonce under a lock, sign with it and store the result, all in one transaction.

        `chain_nonce` is the lowest nonce the chain would take. The same `dedupe_key` returns the existing tx.
        """

    def unsettled(self) -> list[OutgoingTx]:
        """Return the txs that are not settled, by nonce."""

    def add_attempt(self, tx_id: str, signed: SignedTx) -> None:
        """Store one more attempt of a tx; adding the same hash twice does nothing."""

    def set_state(self, tx_id: str, state: TxState, *, block: BlockRef | None = None, error: str | None = None) -> None:
        """Note where a tx stands; `block` and `error` replace what was noted before, None included."""

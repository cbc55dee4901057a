"""The sender's journal, kept in the store: the one place where the chain room's txs become rows and back."""

from __future__ import annotations

from collections.abc import Callable

from earnest.chain.sending import Budget, OutgoingTx, SignedTx, TxIntent, TxState
from earnest.commands.errors import RelaysUsedUp
from earnest.commands.names import Random, new_id, strong_random
from earnest.payment.primitives import ZERO_HASH, Address, Hash32
from earnest.payment.record import BlockRef
from earnest.store import Store, Transaction
from earnest.store.leads import Fence
from earnest.store.records import TxAttemptRow, TxRow


class StoreJournal:
    """Fills the chain room's port `TxJournal` for one chain and one sender.

    Args:
        store: the database.
        chain_id: of the chain.
        sender: whose nonces these are.
        clock: wall time in Unix seconds.
        random: where new ids come from.
        fence: of whoever leads the sending; what a former leader would write is refused with `LeadLost`. Taking a nonce
            needs no lead: the row of the nonces is locked, and only bytes that are stored are ever broadcast.
    """

    def __init__(
        self,
        store: Store,
        chain_id: int,
        sender: Address,
        clock: Callable[[], int],
        random: Random = strong_random,
        *,
        fence: Fence | None = None,
    ) -> None:
        self._store, self._chain_id, self._sender = store, chain_id, sender
        self._clock, self._random = clock, random
        self._fence = fence

    def find(self, dedupe_key: str) -> OutgoingTx | None:
        """Return the tx that an intent with this key already has, settled or not."""
        with self._store.read() as tx:
            row = tx.txs.by_dedupe_key(dedupe_key)
        return outgoing_tx(row) if row else None

    def enqueue(self, intent: TxIntent, chain_nonce: int, sign: Callable[[int], SignedTx]) -> OutgoingTx:
        """Take a nonce under a lock, sign with it and store the result, all in one transaction.

        Raises:
            RelaysUsedUp: as many txs were sent as the intent's budget allows.
        """
        try:
            with self._store.transaction() as tx:
                nonce = tx.txs.take_nonce(self._chain_id, self._sender, chain_nonce)
                # Asked under the lock of the nonces: whoever had the same intent before us has stored it by now.
                if existing := tx.txs.by_dedupe_key(intent.dedupe_key):
                    raise _AlreadyQueuedError(existing)
                _check_budget(tx, intent)
                row = self._row(intent, sign(nonce))
                tx.txs.add(row)
        except _AlreadyQueuedError as already:
            return outgoing_tx(already.row)
        return outgoing_tx(row)

    def unsettled(self) -> list[OutgoingTx]:
        """Return the txs that are not settled, by nonce."""
        with self._store.read() as tx:
            return [outgoing_tx(row) for row in tx.txs.unsettled(self._chain_id, self._sender)]

    def add_attempt(self, tx_id: str, signed: SignedTx) -> None:
        """Store one more attempt of a tx; adding the same hash twice does nothing."""
        with self._store.transaction() as tx:
            self._hold_the_lead(tx)
            tx.txs.add_attempt(tx_id, _attempt_row(signed))

    def set_state(self, tx_id: str, state: TxState, *, block: BlockRef | None = None, error: str | None = None) -> None:
        """Note where a tx stands; `block` and `error` replace what was noted before, None included."""
        with self._store.transaction() as tx:
            self._hold_the_lead(tx)
            tx.txs.set_state(tx_id, str(state), block=block, error=error)

    def _hold_the_lead(self, tx: Transaction) -> None:
        if self._fence is not None:
            self._fence.hold(tx.leads)

    def _row(self, intent: TxIntent, signed: SignedTx) -> TxRow:
        return TxRow(
            id=new_id("tx", self._random),
            chain_id=self._chain_id,
            sender=self._sender,
            nonce=signed.nonce,
            verb=intent.verb,
            payment_id=None if intent.payment_id == ZERO_HASH else intent.payment_id,
            to=intent.to,
            data=intent.data,
            value=intent.value,
            gas=signed.gas,
            state=str(TxState.SIGNED),
            created_at=self._clock(),
            dedupe_key=intent.dedupe_key,
            merchant_id=intent.merchant_id,
            attempts=(_attempt_row(signed),),
        )


def _check_budget(tx: Transaction, intent: TxIntent) -> None:
    """Look under the lock of the nonces, too, so that no number of requests at once gets past it."""
    if intent.budget is not None and intent.merchant_id is not None:
        check_budget(tx, intent.merchant_id, intent.payment_id, intent.budget)


def check_budget(tx: Transaction, merchant_id: str, payment_id: Hash32, budget: Budget) -> None:
    """Check that a payment has a tx left in a budget; raises `RelaysUsedUp`."""
    if tx.txs.count(merchant_id, payment_id, budget.stem) >= budget.most:
        raise RelaysUsedUp(budget.most)


class _AlreadyQueuedError(Exception):
    """Leaves the transaction without keeping the nonce that it took, so that no gap stops the ones after it."""

    def __init__(self, row: TxRow) -> None:
        super().__init__(row.id)
        self.row = row


def outgoing_tx(row: TxRow) -> OutgoingTx:
    """Return a stored tx as the chain room knows it."""
    return OutgoingTx(
        id=row.id,
        chain_id=row.chain_id,
        sender=row.sender,
        nonce=row.nonce,
        verb=row.verb,
        payment_id=row.payment_id or ZERO_HASH,
        to=row.to,
        data=row.data,
        value=row.value,
        gas=row.gas,
        state=TxState(row.state),
        attempts=tuple(_signed_tx(each) for each in row.attempts),
        block=row.block,
        error=row.error,
        created_at=row.created_at,
        merchant_id=row.merchant_id,
    )


def _attempt_row(signed: SignedTx) -> TxAttemptRow:
    return TxAttemptRow(
        hash=signed.hash,
        raw=signed.raw,
        nonce=signed.nonce,
        gas=signed.gas,
        max_fee_per_gas=signed.max_fee_per_gas,
        max_priority_fee_per_gas=signed.max_priority_fee_per_gas,
        signed_at=signed.signed_at,
    )


def _signed_tx(row: TxAttemptRow) -> SignedTx:
    return SignedTx(
        hash=row.hash,
        raw=row.raw,
        nonce=row.nonce,
        gas=row.gas,
        max_fee_per_gas=row.max_fee_per_gas,
        max_priority_fee_per_gas=row.max_priority_fee_per_gas,
        signed_at=row.signed_at,
    )

"""Whether the operator did each thing once: every difference is named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from earnest.chain.sending import TxState
from earnest.payment.primitives import Address
from earnest.payment.record import Payment
from earnest.store import Store
from earnest.store.records import SETTLED_TX_STATES
from tests.chaos.inprocess.truth import Readable


def differences_of_operator(
    store: Store, chain: Readable, sender: Address, payments: Sequence[Payment]
) -> Iterator[str]:
    """Yield what the operator sent twice, or never, or by another nonce than the one that its intent has."""
    with store.read() as tx:
        rows = [row for each in payments for row in tx.txs.find(each.account or "", each.id)]
    mined = chain.txs_of(sender)
    succeeded = {tx_hash: well for tx_hash, _, well in mined}
    if len(rows) != len({row.nonce for row in rows}):
        yield f"two intents share a nonce: {sorted(row.nonce for row in rows)}"
    if [nonce for _, nonce, _ in mined] != list(range(len(mined))):
        yield f"the nonces mined are {[nonce for _, nonce, _ in mined]}"
    known = {attempt.hash: row for row in rows for attempt in row.attempts}
    done = Counter(known[tx_hash].id for tx_hash, _, _ in mined if tx_hash in known)
    if sum(done.values()) != len(mined):
        yield f"{len(mined)} txs of the operator are mined, and {sum(done.values())} of them were ever stored"
    for row in rows:
        if any(attempt.nonce != row.nonce for attempt in row.attempts):
            yield f"tx {row.id} has attempts with other nonces than {row.nonce}"
        if row.state not in SETTLED_TX_STATES:
            yield f"tx {row.id} ({row.verb}) is {row.state} at the end: {row.error}"
        ended_well = any(succeeded.get(attempt.hash, False) for attempt in row.attempts)
        if ended_well != (row.state == TxState.FINAL):
            yield f"tx {row.id} ({row.verb}) is {row.state}; it did what it should: {ended_well}"
        if done[row.id] != 1:
            yield f"tx {row.id} ({row.verb}) is mined {done[row.id]} times"

"""Give money back to the buyer with the operator's key, all or a part; the status moves when the log is back."""

from __future__ import annotations

from collections.abc import Callable, Collection

from earnest.chain.sending import OutgoingTx, TxState
from earnest.commands.errors import MoreThanHeld, OnlyWholeAmounts, RefundUnderWay, RequestKeyReused
from earnest.commands.own_payment import check_may, free_dedupe_key, load_own, send
from earnest.commands.ports import Submitter
from earnest.escrow import txs
from earnest.payment.errors import InvalidAmount
from earnest.payment.primitives import Hash32
from earnest.payment.record import Payment
from earnest.payment.status import Status, Verb
from earnest.store import Store, Transaction
from earnest.store.records import TxRow

_ON_ITS_WAY = frozenset({str(TxState.SIGNED), str(TxState.BROADCAST)})
_MINED = frozenset({str(TxState.INCLUDED), str(TxState.FINAL)})


def refund(
    store: Store,
    sender_on: Callable[[int], Submitter],
    merchant_id: str,
    payment_id: Hash32,
    *,
    amount: int | None = None,
    request_key: str | None = None,
) -> OutgoingTx:
    """Send `refund` for a merchant's own payment.

    A refund of everything is one intent, however often it is asked for. Parts are told apart by `request_key`: the same
    key is the same refund for ever. Without a key, a part asked for again while its tx is on its way is that refund,
    and another part has to wait.

    Args:
        store: the database.
        sender_on: from a chain id to who sends there with the operator's key.
        merchant_id: whose payment it must be.
        payment_id: which one.
        amount: base units; None: everything that is held when the tx is mined.
        request_key: the request's idempotency key.

    Raises:
        NotFound: the merchant created none of that id (a foreign payment is never refunded by us).
        RequestKeyReused: the key stands for a refund of another amount.
        MoreThanHeld, OnlyWholeAmounts, RefundUnderWay, NotTheOperator, Conflict: it is not possible now.
        Unavailable: no operator's key here, no node, or no money for gas.
    """
    with store.read() as tx:
        asked = load_own(tx, merchant_id, payment_id)
        payment = asked.payment
        dedupe_key, sent = free_dedupe_key(tx, _stem(payment, amount, request_key))
        under_way = _under_way(tx, payment, dedupe_key)
    unsigned = txs.refund(payment.escrow, payment.chain_id, payment.terms, amount)
    if sent is not None and (request_key is not None and amount is not None):
        if sent.data != bytes.fromhex(unsigned.data[2:]):
            raise RequestKeyReused()
        return sent
    sender = sender_on(payment.chain_id)
    check_may(asked, Verb.REFUND, sender.status().address)
    if sent is not None:
        return sent
    _check_amount(payment, amount)
    if under_way is not None and request_key is None:
        raise RefundUnderWay(under_way)
    tx_sent = send(sender, payment, Verb.REFUND, unsigned, dedupe_key=dedupe_key)
    if tx_sent.data != bytes.fromhex(unsigned.data[2:]):
        # Somebody asked for another amount in the same moment, under the same key, and was first.
        raise RefundUnderWay(tx_sent.id)
    return tx_sent


def _stem(payment: Payment, amount: int | None, request_key: str | None) -> str:
    """Name the intent. Without a request's key the number of the last event stands in: it rises with each refund."""
    stem = f"{Verb.REFUND}:{payment.chain_id}:{payment.id}"
    if amount is None:
        return f"{stem}:all"
    return f"{stem}:key:{request_key}" if request_key is not None else f"{stem}:after:{payment.state.seq}:{amount}"


def _under_way(tx: Transaction, payment: Payment, dedupe_key: str) -> str | None:
    """Return the id of another refund that was sent and has not come back from the chain as an event."""
    rows = tx.txs.find(payment.account or "", payment.id)
    others = [row for row in rows if row.verb == Verb.REFUND and row.dedupe_key != dedupe_key]
    if not others:
        return None
    back = {each.tx_hash for each in tx.events.canonical(payment.chain_id, [payment.id])[payment.id]}
    return next((row.id for row in others if _is_under_way(row, back)), None)


def _is_under_way(row: TxRow, back: Collection[str]) -> bool:
    """The sender can see a tx mined before the mirror does; until then, what the mirror calls held is too much."""
    if row.state in _ON_ITS_WAY:
        return True
    did_it = row.state in _MINED and row.block is not None and row.error is None
    return did_it and not any(attempt.hash in back for attempt in row.attempts)


def _check_amount(payment: Payment, amount: int | None) -> None:
    if amount is None:
        return
    held = payment.state.held
    if amount <= 0:
        raise InvalidAmount(f"the amount is {amount} base units: it must be over 0", param="amount")
    if amount > held:
        raise MoreThanHeld(amount, held)
    if payment.state.status is Status.DISPUTED and amount != held:
        raise OnlyWholeAmounts(held)

"""Confirm a delivery with the operator's key; the status moves when the log is back."""

from __future__ import annotations

from collections.abc import Callable

from earnest.chain.sending import OutgoingTx
from earnest.commands.own_payment import check_may, free_dedupe_key, load_own, send
from earnest.commands.ports import Submitter
from earnest.escrow import txs
from earnest.payment.primitives import Hash32
from earnest.payment.status import Verb
from earnest.store import Store


def confirm_delivery(
    store: Store,
    sender_on: Callable[[int], Submitter],
    merchant_id: str,
    payment_id: Hash32,
) -> OutgoingTx:
    """Send `confirmDelivery` for a merchant's own payment; asking again before it is mined gives the same tx.

    Args:
        store: the database.
        sender_on: from a chain id to who sends there with the operator's key.
        merchant_id: whose payment it must be.
        payment_id: which one.

    Raises:
        NotFound: the merchant created none of that id (a foreign payment is never confirmed).
        NotTheOperator, OperatorWasDismissed, TooLate, Conflict: it is not possible now.
        Unavailable: no operator's key here, no node, or no money for gas.
    """
    with store.read() as tx:
        asked = load_own(tx, merchant_id, payment_id)
        payment = asked.payment
        dedupe_key, sent = free_dedupe_key(tx, f"{Verb.CONFIRM_DELIVERY}:{payment.chain_id}:{payment.id}")
    sender = sender_on(payment.chain_id)
    check_may(asked, Verb.CONFIRM_DELIVERY, sender.status().address)
    if sent is not None:
        return sent
    unsigned = txs.confirm_delivery(payment.escrow, payment.chain_id, payment.terms)
    return send(sender, payment, Verb.CONFIRM_DELIVERY, unsigned, dedupe_key=dedupe_key)

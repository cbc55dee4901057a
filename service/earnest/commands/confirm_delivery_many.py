"""Confirm many deliveries of one merchant at once with the operator's key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from earnest.chain.sending import OutgoingTx
from earnest.commands.batches import BatchVerb, ManyResult, send_many
from earnest.commands.own_payment import Asked, check_may
from earnest.commands.ports import Submitter
from earnest.escrow import txs
from earnest.payment.primitives import Address, Hash32
from earnest.payment.status import Verb
from earnest.store import Store


def confirm_delivery_many(
    store: Store,
    sender_on: Callable[[int], Submitter],
    merchant_id: str,
    payment_ids: Sequence[Hash32],
    *,
    begun: Sequence[OutgoingTx] = (),
) -> ManyResult:
    """Send `confirmDeliveryMany` for a merchant's own payments, one tx for each set of terms in common.

    Takes and raises as `earnest.commands.batches.send_many`.
    """
    return send_many(store, sender_on, merchant_id, payment_ids, _HOW, begun=begun)


def _check(asked: Asked, operator: Address) -> None:
    check_may(asked, Verb.CONFIRM_DELIVERY, operator)


_HOW = BatchVerb(Verb.CONFIRM_DELIVERY_MANY, txs.confirm_delivery_many, _check)

"""Release many payments of one merchant at once, after their dispute windows, with the operator's key."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from earnest.chain.sending import OutgoingTx
from earnest.commands.batches import BatchVerb, ManyResult, send_many
from earnest.commands.own_payment import Asked
from earnest.commands.ports import Submitter
from earnest.escrow import txs
from earnest.payment.actions import check_action
from earnest.payment.primitives import Address, Hash32
from earnest.payment.status import Role, Verb
from earnest.store import Store


def release_many(
    store: Store,
    sender_on: Callable[[int], Submitter],
    merchant_id: str,
    payment_ids: Sequence[Hash32],
    *,
    begun: Sequence[OutgoingTx] = (),
) -> ManyResult:
    """Send `releaseMany` for a merchant's own payments, one tx for each set of terms in common.

    Anyone may release after the dispute window, so it matters not whose operator the key is. Takes and raises as
    `earnest.commands.batches.send_many`.
    """
    return send_many(store, sender_on, merchant_id, payment_ids, _HOW, begun=begun)


def _check(asked: Asked, _: Address) -> None:
    check_action(asked.payment.terms, asked.payment.state, Verb.RELEASE, Role.ANYONE, asked.now)


_HOW = BatchVerb(Verb.RELEASE_MANY, txs.release_many, _check)

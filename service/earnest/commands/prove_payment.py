"""Prove a payment: what the mirror has of it goes to the prover, who asks the node and believes neither."""

from __future__ import annotations

from typing import Protocol

from earnest.chain.proofs.errors import NothingOnChain
from earnest.chain.proofs.make import Wanted
from earnest.payment.errors import NotFound
from earnest.payment.primitives import Hash32
from earnest.store import Store


class Prover(Protocol):
    """Whoever makes proofs of one chain's payments."""

    def prove(self, wanted: Wanted) -> bytes:
        """Return the proof's document, JSON; raises `Unavailable` or `ChainDisagrees` where it cannot be made."""


def prove_payment(store: Store, prover: Prover, chain_id: int, payment_id: Hash32) -> bytes:
    """Return the proof of a payment as the mirror has it now; `docs/payment-proof.md` says how to read it.

    Raises:
        NotFound: the mirror does not know the payment.
        NothingOnChain: nobody has funded it yet.
        Unavailable, ChainDisagrees: the prover's own (`earnest.chain.proofs`).
    """
    with store.read() as tx:
        payment, view = tx.payments.get(chain_id, payment_id), tx.blocks.view(chain_id)
        if payment is None:
            raise NotFound(f"no payment {payment_id}")
        events = tx.events.canonical(chain_id, [payment_id])[payment_id]
    if view is None or not events:
        raise NothingOnChain(payment_id)
    return prover.prove(
        Wanted(
            chain_id=chain_id,
            escrow=payment.escrow,
            payment_id=payment_id,
            terms=payment.terms,
            state=payment.state,
            events=tuple((each.block, each.event) for each in events),
            head=view.head,
        )
    )

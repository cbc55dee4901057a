"""A payment as the house knows it: the merchant's request, the chain's facts, and where the last of them stands."""

from __future__ import annotations

from dataclasses import dataclass

from earnest.payment.primitives import Address, Hash32
from earnest.payment.status import Finality
from earnest.payment.terms import Terms
from earnest.payment.transitions import PaymentState
from earnest.payment.values import quick


@quick
@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block named so that a reorg cannot change what is meant. `timestamp` is Unix time."""

    number: int
    hash: Hash32
    timestamp: int


@dataclass(frozen=True, slots=True)
class ChainView:
    """How far the mirror has seen a chain: its head and its newest final block. `head.timestamp` is chain time."""

    head: BlockRef
    final: BlockRef


@quick
@dataclass(frozen=True, slots=True)
class Payment:
    """A payment with all that is known of it.

    `account` is the merchant's account here, None for a foreign payment. `version` rises by one with each change that a
    merchant is told of. `block` is the one of the last event, None before funding. `created_at` is wall time (Unix).
    `operator_dismissed` says that the merchant has taken from the operator of these terms every right to act for him.
    """

    id: Hash32
    chain_id: int
    escrow: Address
    terms: Terms
    state: PaymentState
    version: int
    account: str | None = None
    order_reference: str | None = None
    salt: bytes | None = None
    created_at: int | None = None
    block: BlockRef | None = None
    operator_dismissed: bool = False

    def after(self, state: PaymentState, block: BlockRef | None) -> Payment:
        """Return the payment with another state, told by `block`; a third of what `dataclasses.replace` takes."""
        return Payment(
            self.id,
            self.chain_id,
            self.escrow,
            self.terms,
            state,
            self.version,
            self.account,
            self.order_reference,
            self.salt,
            self.created_at,
            block,
            self.operator_dismissed,
        )

    def told(self, *, operator_dismissed: bool) -> Payment:
        """Return the payment at its next version: its merchant is told of it as it is now."""
        return Payment(
            self.id,
            self.chain_id,
            self.escrow,
            self.terms,
            self.state,
            self.version + 1,
            self.account,
            self.order_reference,
            self.salt,
            self.created_at,
            self.block,
            operator_dismissed,
        )

    @property
    def is_foreign(self) -> bool:
        """Whether nobody here created it: shown, never notified, never confirmed by the operator."""
        return self.account is None


def finality_of(block: BlockRef | None, view: ChainView | None, safe_depth_blocks: int) -> Finality | None:
    """Return how sure the chain is of what stands in `block`; None where nothing is on chain yet.

    A block is `safe` with `safe_depth_blocks` blocks on top of it.
    """
    if block is None or view is None:
        return None
    if block.number <= view.final.number:
        return Finality.FINAL
    return Finality.SAFE if view.head.number - block.number >= safe_depth_blocks else Finality.INCLUDED

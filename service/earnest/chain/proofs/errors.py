"""What can go wrong with proofs, as leaves of the tree in `earnest.payment.errors`.

InvalidInput
└── ProofBroken             a proof does not hold; names the layer and the place
Conflict
└── NothingOnChain          the payment has no event yet, so there is nothing to prove
Unavailable
├── BlockMissing            the node does not have a block in which an event stands
├── StateMoved              the node told the escrow's storage of another block than the one asked for
├── ProofTooSlow            the node needs longer than a caller should wait
└── ProofsBusy              as many proofs as we make at once are being made
ChainDisagrees
├── UnknownHeaderForm       the header that was told does not hash to its block's hash
├── UnknownReceiptForm      the receipts that were told do not hash to the header's receipts root
├── EventNotThere           the node's receipts do not hold an event of the mirror
└── ProofDisagrees          what was put together does not hold: node and mirror tell different stories
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from earnest.payment.errors import ChainDisagrees, Conflict, InvalidInput, Unavailable


class Layer(StrEnum):
    """What a proof is made of, from the outside in; each is checked by itself."""

    FORM = "form"
    """It is JSON of the documented shape."""
    TERMS = "terms"
    """Terms, chain and escrow hash to the payment's id."""
    HEADER = "header"
    """Each header's bytes hash to its block's hash."""
    RECEIPT = "receipt"
    """Each receipt stands under its header's receipts root, at its place."""
    LOG = "log"
    """Each event's log stands in its receipt, and the escrow wrote it."""
    EVENT = "event"
    """Each log says what is claimed of its event."""
    FOLD = "fold"
    """The events, numbered without a gap, add up to what is claimed of the payment."""
    STORAGE = "storage"
    """The escrow's own storage says the same at the newest of the blocks: nothing came after."""
    CHAIN = "chain"
    """A node of the reader's own has these very blocks."""


class ProofBroken(InvalidInput):
    """A proof does not hold; `layer` and `where` say what is wrong with it."""

    code = "proof_broken"

    def __init__(self, layer: Layer, where: str, why: str) -> None:
        super().__init__(f"{layer}, {where}: {why}")
        self.layer, self.where, self.why = layer, where, why


class NothingOnChain(Conflict):
    """The payment has no event on the chain yet, so there is nothing to prove."""

    code = "nothing_on_chain"

    def __init__(self, payment_id: str) -> None:
        super().__init__(f"payment {payment_id} was not funded yet: the chain knows nothing of it that could be proven")


class BlockMissing(Unavailable):
    """The node does not have a block in which an event of the payment stands."""

    code = "block_missing"

    def __init__(self, block_hash: str) -> None:
        super().__init__(f"the node does not have block {block_hash}: it lags, or a reorg is under way; ask again")


class StateMoved(Unavailable):
    """The node told the escrow's storage of another block than the one asked for."""

    code = "state_moved"

    def __init__(self, number: int) -> None:
        super().__init__(f"what the node told of the storage at block {number} belongs to another block; ask again")


class ProofTooSlow(Unavailable):
    """The node needs longer than a caller should wait; what is done already is kept for the next try."""

    code = "proof_too_slow"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the proof was not done after {seconds:g} s; ask again: it goes on where it stopped")


class ProofsBusy(Unavailable):
    """As many proofs as are made at once are being made."""

    code = "proofs_busy"

    def __init__(self, at_once: int) -> None:
        super().__init__(f"{at_once} proofs are being made already; ask again in a moment")


class UnknownHeaderForm(ChainDisagrees):
    """The header that the node told does not hash to its block's hash; this chain has a form that we do not know."""

    code = "unknown_header_form"
    retryable = False

    def __init__(self, number: int, block_hash: str, fields: Sequence[str]) -> None:
        super().__init__(
            f"block {number}: no form of header that we know hashes to {block_hash}; "
            f"beside the fifteen oldest fields the node told {', '.join(fields) or 'none'}"
        )


class UnknownReceiptForm(ChainDisagrees):
    """The receipts that the node told do not hash to the header's receipts root; one has a form that we do not know."""

    code = "unknown_receipt_form"
    retryable = False

    def __init__(self, number: int, types: Sequence[int]) -> None:
        named = ", ".join(hex(each) for each in types)
        super().__init__(
            f"block {number}: its receipts as told do not hash to its receipts root; types of txs in it: {named}"
        )


class EventNotThere(ChainDisagrees):
    """The node's receipts of a block do not hold an event that the mirror has from it."""

    code = "event_not_there"

    def __init__(self, number: int, seq: int) -> None:
        super().__init__(
            f"block {number} holds no event number {seq} of the payment, by the receipts that we were told"
        )


class ProofDisagrees(ChainDisagrees):
    """What was put together does not hold; node and mirror tell different stories, so nothing is claimed."""

    code = "proof_disagrees"

    def __init__(self, broken: ProofBroken) -> None:
        super().__init__(f"the proof that was put together does not hold ({broken})")

"""The proof of a payment, as the OpenAPI document describes it; the document itself is made by the chain room."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import Answer, BaseUnits, OutAddress, OutHash
from earnest.api.schemas.payments import Terms
from earnest.payment.status import Status

Bytes = Annotated[str, Field(pattern="^0x([0-9a-f]{2})*$")]


class ProofBlock(Answer):
    """A block: its header's bytes, and what follows from them."""

    number: int
    hash: OutHash
    timestamp: Annotated[int, Field(description="Unix time.")]
    header: Annotated[Bytes, Field(description="RLP; its Keccak-256 is the block's hash.")]


class ProofReceipt(Answer):
    """A receipt's place, and the nodes of the receipts trie that lead to it."""

    block: Annotated[OutHash, Field(description="One of `blocks`.")]
    tx_index: int
    nodes: Annotated[list[Bytes], Field(description="From the root on; the receipt stands in the last one.")]


class ProofEvent(Answer):
    """An event of the payment, and the log that says it. Amounts are base units."""

    seq: int
    event: Annotated[str, Field(examples=["PaymentFunded"])]
    status: Status
    held: BaseUnits
    to_merchant: BaseUnits
    to_fee_recipient: BaseUnits
    to_buyer: BaseUnits
    credited: Annotated[list[str], Field(description="Whose push failed and became a credit.")]
    receipt: Annotated[int, Field(description="Which of `receipts`, from 0 on.")]
    log: Annotated[int, Field(description="Which log of the receipt, from 0 on.")]


class ProofPayment(Answer):
    """What the events add up to. Amounts are base units."""

    status: Status
    since: Annotated[int, Field(description="Unix time.")]
    seq: Annotated[int, Field(description="How many events there were.")]
    funded: BaseUnits
    held: BaseUnits
    to_merchant: BaseUnits
    to_fee_recipient: BaseUnits
    to_buyer: BaseUnits
    repaid: BaseUnits
    payer: OutAddress | None
    buyer: OutAddress | None


class ProofState(Answer):
    """The escrow's storage at the newest of `blocks`."""

    block: OutHash
    account_nodes: Annotated[list[Bytes], Field(description="From the header's state root to the escrow's account.")]
    slot_nodes: Annotated[list[Bytes], Field(description="From the account's storage root to the payment's slot.")]


class PaymentProof(Answer):
    """All that it takes to check a payment without trusting us; docs/payment-proof.md says how, byte by byte."""

    object: Literal["payment_proof"]
    format: Literal[1]
    chain: Annotated[str, Field(description="CAIP-2.", examples=["eip155:8453"])]
    escrow: OutAddress
    payment_id: OutHash
    terms: Terms
    payment: ProofPayment
    blocks: Annotated[list[ProofBlock], Field(description="Oldest first.")]
    receipts: list[ProofReceipt]
    events: Annotated[list[ProofEvent], Field(description="In order of `seq`, all of them.")]
    state: Annotated[
        ProofState | None, Field(description="Shows that no event came after the last one; null: see `why_no_state`.")
    ]
    why_no_state: Annotated[
        Literal["not_offered", "refused"] | None,
        Field(description="The node has no `eth_getProof`, or does not answer it for this block."),
    ]

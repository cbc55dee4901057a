"""The document that a proof is: its shape, how it is read from bytes, and how values stand in it.

Amounts are strings of base units, times Unix seconds, bytes `0x` and lower-case digits: as the chain itself has them.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from earnest.chain.proofs.errors import Layer, ProofBroken
from earnest.payment.events import Credited, PaymentEvent
from earnest.payment.transitions import PaymentState

MAX_PROOF_BYTES: Final = 32 * 1024 * 1024
"""A proof of a payment's whole life has some 20 kB for each event; no honest one comes near this."""
FORMAT: Final = 1

WhyNoState = Literal["not_offered", "refused"]
"""`not_offered`: the node has no `eth_getProof`; `refused`: it has, and not for this block (a pruned node, say)."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What has no field but those that are documented: all that a proof says is checked."""


class BlockForm(_Strict, frozen=True):
    """A block: `header` is its RLP, and the others have to follow from it."""

    number: int
    hash: str
    timestamp: int
    header: str


class ReceiptForm(_Strict, frozen=True):
    """Where a receipt stands, and the nodes that prove it; the last one holds the receipt itself."""

    block: str
    tx_index: int
    nodes: list[str]


class EventForm(_Strict, frozen=True):
    """An event as it is claimed; `receipt` counts the proof's receipts, `log` the receipt's logs, both from 0."""

    seq: int
    event: str
    status: str
    held: str
    to_merchant: str
    to_fee_recipient: str
    to_buyer: str
    credited: list[str]
    receipt: int
    log: int


class PaymentForm(_Strict, frozen=True):
    """What the events add up to, as it is claimed."""

    status: str
    since: int
    seq: int
    funded: str
    held: str
    to_merchant: str
    to_fee_recipient: str
    to_buyer: str
    repaid: str
    payer: str | None
    buyer: str | None


class StateForm(_Strict, frozen=True):
    """The escrow's account under the state root of a block, and the payment's slot under the account's storage root."""

    block: str
    account_nodes: list[str]
    slot_nodes: list[str]


class ProofForm(_Strict, frozen=True):
    """A whole proof. Exactly one of `state` and `why_no_state` is there."""

    object: Literal["payment_proof"]
    format: Literal[1]
    chain: str
    escrow: str
    payment_id: str
    terms: dict[str, str | int]
    payment: PaymentForm
    blocks: list[BlockForm]
    receipts: list[ReceiptForm]
    events: list[EventForm]
    state: StateForm | None
    why_no_state: WhyNoState | None


_DECODER: Final = msgspec.json.Decoder(ProofForm)


def read(content: bytes) -> ProofForm:
    """Return the document that these bytes are; raises `ProofBroken` in the layer `form`."""
    if len(content) > MAX_PROOF_BYTES:
        raise ProofBroken(Layer.FORM, "the document", f"it is too large: a proof has at most {MAX_PROOF_BYTES} bytes")
    try:
        proof = _DECODER.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProofBroken(Layer.FORM, "the document", f"it is no proof of a payment: {str(error)[:200]}") from None
    if (proof.state is None) == (proof.why_no_state is None):
        raise ProofBroken(Layer.FORM, "state", "either state or why_no_state must be given, and not both")
    return proof


def write(proof: ProofForm) -> bytes:
    """Return the document's bytes."""
    return msgspec.json.encode(proof)


def event_form(event: PaymentEvent, receipt: int, log: int) -> EventForm:
    """Return an event as it stands in a proof."""
    return EventForm(
        seq=event.seq,
        event=str(event.kind),
        status=str(event.status),
        held=str(event.held),
        to_merchant=str(event.to_merchant),
        to_fee_recipient=str(event.to_fee_recipient),
        to_buyer=str(event.to_buyer),
        credited=[(each.name or "").lower() for each in Credited if each and each in event.credited],
        receipt=receipt,
        log=log,
    )


def payment_form(state: PaymentState) -> PaymentForm:
    """Return what a payment's events add up to as it stands in a proof."""
    return PaymentForm(
        status=str(state.status),
        since=state.since,
        seq=state.seq,
        funded=str(state.funded),
        held=str(state.held),
        to_merchant=str(state.to_merchant),
        to_fee_recipient=str(state.to_fee_recipient),
        to_buyer=str(state.to_buyer),
        repaid=str(state.repaid),
        payer=state.payer,
        buyer=state.buyer,
    )


def differences(claimed: msgspec.Struct, actual: msgspec.Struct) -> str:
    """Return in which fields a claim differs from what follows from the bytes; empty where it does not."""
    told, right = msgspec.structs.asdict(claimed), msgspec.structs.asdict(actual)
    return "; ".join(
        f"{name} is {_short(value)}, and the bytes say {_short(right[name])}"
        for name, value in told.items()
        if value != right[name]
    )


def _short(value: Any) -> str:
    return repr(value)[:100]

"""Payments, their timelines, and the txs that go with them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import (
    Amount,
    AmountRequest,
    Answer,
    BaseUnits,
    Block,
    InChain,
    InTime,
    OutAddress,
    OutHash,
    OutTime,
    Request,
    Seconds,
)
from earnest.payment.status import Finality, Role, Status, Verb


class CreatePaymentRequest(Request):
    """What a merchant asks for. Who is paid comes from the account, never from the request."""

    model_config = Request.model_config | {
        "json_schema_extra": {"examples": [{"amount": {"value": "12.50", "token": "USDC"}, "order_reference": "A-1"}]}
    }

    amount: AmountRequest
    order_reference: Annotated[
        str | None,
        Field(description="Your own name for it, up to 200 characters; only its salted hash goes on chain."),
    ] = None
    buyer: Annotated[str | None, Field(description="Who gets money back; left out, he is named at funding.")] = None
    pay_by: Annotated[
        InTime | None, Field(description="Until when it can be funded, by the chain's clock; default: your account's.")
    ] = None
    delivery_period: Annotated[Seconds | None, Field(description="Seconds from funding; default: your account's.")] = (
        None
    )
    dispute_window: Annotated[
        Seconds | None,
        Field(description="Seconds from the delivery's confirmation; 0: no disputes, confirming releases at once."),
    ] = None
    arbitration_period: Annotated[Seconds | None, Field(description="Seconds from the dispute.")] = None
    chain: Annotated[InChain | None, Field(description="CAIP-2; default: the service's chain.")] = None


class RefundRequest(Request):
    """How much goes back to the buyer; no amount: everything that is held."""

    amount: AmountRequest | None = None


class EmptyRequest(Request):
    """Nothing has to be said."""


class Terms(Answer):
    """The terms as the contract takes them; the payment's id is their hash with the chain and the escrow."""

    buyer: OutAddress
    merchant: OutAddress
    operator: OutAddress
    arbiter: OutAddress
    token: OutAddress
    amount: BaseUnits
    fee_recipient: OutAddress
    fee_bps: int
    pay_by: Annotated[int, Field(description="Unix time.")]
    delivery_period: int
    dispute_window: int
    arbitration_period: int
    order_hash: OutHash


class Action(Answer):
    """A verb that is possible in `[from, until)` by the chain's clock; null: since ever, or for as long as it lasts."""

    verb: Verb
    by: list[Role]
    from_: Annotated[OutTime | None, Field(alias="from")]
    until: OutTime | None


class PublicPayment(Answer):
    """What anyone with the id may see."""

    object: Literal["payment"]
    id: OutHash
    chain: Annotated[str, Field(examples=["eip155:8453"])]
    escrow: OutAddress
    status: Status
    status_since: OutTime | None
    finality: Annotated[Finality | None, Field(description="Null before anything is on chain.")]
    block: Annotated[Block | None, Field(description="Where the last event stands.")]
    created_at: OutTime | None
    amount: Amount
    held: Annotated[Amount, Field(description="What the escrow still keeps.")]
    to_merchant: Amount
    to_fee_recipient: Amount
    to_buyer: Amount
    repaid: Annotated[Amount, Field(description="What the merchant gave back afterwards, apart from the settlement.")]
    buyer: OutAddress | None
    payer: OutAddress | None
    terms: Terms
    pay_by: OutTime
    actions: Annotated[list[Action], Field(description="What can be done next, or by waiting.")]
    deposit_address: Annotated[
        OutAddress | None, Field(description="Where plain transfers go; null where the terms name no buyer.")
    ]
    payment_uri: Annotated[str | None, Field(description="EIP-681: the token's approval; null for coin.")]


class Payment(PublicPayment):
    """The whole payment, for its merchant."""

    version: Annotated[int, Field(description="Rises by one with each notification.")]
    foreign: bool
    order_reference: str | None
    checkout_url: str | None


class TimelineRow(Answer):
    """One event: where it stands, and what it did."""

    type: Annotated[str, Field(examples=["payment.funded"])]
    event: Annotated[str, Field(description="The event's name in the contract.", examples=["PaymentFunded"])]
    seq: int
    status: Status
    finality: Annotated[Finality | None, Field(description="Null where the block was orphaned.")]
    orphaned: Annotated[bool, Field(description="The chain has dropped its block: it no longer counts.")]
    block: Block
    tx_hash: OutHash
    log_index: int
    held: Amount
    to_merchant: Amount
    to_fee_recipient: Amount
    to_buyer: Amount
    credited: Annotated[list[str], Field(description="Whose push failed and became a credit.")]
    payer: OutAddress | None


class Timeline(Answer):
    """Every event of a payment, oldest first, orphaned ones too."""

    data: list[TimelineRow]
    has_more: bool
    next_cursor: str | None


class TxAttempt(Answer):
    """One signed form of a tx; fees in wei per gas."""

    hash: OutHash
    max_fee_per_gas: BaseUnits
    max_priority_fee_per_gas: BaseUnits
    signed_at: OutTime


class SentTx(Answer):
    """A tx that we sent with the operator's key; all its attempts share one nonce, so at most one is ever mined."""

    object: Literal["tx"]
    id: str
    chain: str
    verb: Verb
    payment: OutHash
    state: Annotated[
        Literal["signed", "broadcast", "included", "final", "failed", "lost"],
        Field(description="Of the tx, not of the payment: the payment moves when its log is back."),
    ]
    hash: Annotated[OutHash, Field(description="Of the newest attempt.")]
    sender: OutAddress
    nonce: int
    attempts: list[TxAttempt]
    block: Block | None
    error: str | None
    created_at: OutTime


class Accepted(Answer):
    """The verb is on its way to the chain."""

    payment: OutHash
    tx: SentTx


class SentTxs(Answer):
    """The txs that we sent for a payment, oldest first."""

    data: list[SentTx]
    has_more: bool
    next_cursor: str | None


class PlainTx(Answer):
    """An unsigned tx as a wallet takes it; nonce and fees are the wallet's."""

    to: OutAddress
    data: Annotated[str, Field(pattern="^0x[0-9a-f]*$")]
    value: Annotated[BaseUnits, Field(description="In the coin's base units (wei).")]
    chain_id: int
    gas: Annotated[int, Field(description="A limit that suffices.")]


class PreparedTx(PlainTx):
    """A verb's unsigned tx, and what has to be mined before it (an approval)."""

    verb: Verb
    before: list[PlainTx]

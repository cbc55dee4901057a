"""Payments, their timelines, and the txs that go with them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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
from earnest.escrow.txs import MAX_ITEMS
from earnest.payment.status import Finality, Role, Status, Verb

MAX_SIGNATURE_DIGITS = 8_194
"""`0x` and 4,096 bytes: a key's signature has 65, a contract wallet with many owners some hundreds."""


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
    description: Annotated[
        str | None,
        Field(description="What is bought, for the buyer: up to 200 characters, shown to whoever has the link."),
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


class ManyRequest(Request):
    """Which payments; one that is named twice counts once."""

    model_config = Request.model_config | {"json_schema_extra": {"examples": [{"payments": ["0x" + "ab" * 32]}]}}

    payments: Annotated[list[str], Field(min_length=1, max_length=MAX_ITEMS, description="Their ids.")]


class ReceiptRequest(Request):
    """The buyer's receipt, as `GET …/txs/release_with_receipt?from=<buyer>` has it signed."""

    signature: Annotated[
        str, Field(max_length=MAX_SIGNATURE_DIGITS, description="`0x…`: 65 bytes, or a contract wallet's (ERC-1271).")
    ]


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
    description: Annotated[str | None, Field(description="What is bought, as the merchant told it.")]
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


class SideRow(Answer):
    """What the escrow told of the payment beside its history: nothing that it holds was moved, nobody was notified."""

    type: Annotated[None, Field(description="No notification is made of it.")]
    seq: Annotated[None, Field(description="It is none of the payment's own events, which are counted without gaps.")]
    finality: Annotated[Finality | None, Field(description="Null where the block was orphaned.")]
    orphaned: bool
    block: Block
    tx_hash: OutHash
    log_index: int


class DepositReturnedRow(SideRow):
    """Money at the deposit address that could not fund the payment (a surplus, another token) went to the buyer."""

    event: Literal["DepositReturned"]
    buyer: OutAddress
    returned: Amount


class ItemSkippedRow(SideRow):
    """A batch passed over the payment, for the reason that the single verb would have reverted with."""

    event: Literal["ItemSkipped"]
    item: Annotated[str, Field(description="Its place in the batch, from 0 on.", pattern="^[0-9]+$")]
    why: Annotated[str, Field(description="The escrow's error by its name, or its selector.", examples=["WrongStatus"])]


class Timeline(Answer):
    """Every event of a payment, oldest first, orphaned ones too, and what was told beside them."""

    data: list[TimelineRow | DepositReturnedRow | ItemSkippedRow]
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
    payment: Annotated[OutHash | None, Field(description="Null for a batch, which belongs to no single payment.")]
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


class SentBatch(Answer):
    """A batch's tx, and the payments in it in the order of its items."""

    payments: list[OutHash]
    tx: SentTx


class LeftOut(Answer):
    """A payment that is in no tx, and why: what the verb alone would have been answered with."""

    payment: OutHash
    code: Annotated[str, Field(examples=["too_early"])]
    detail: str


class ManyAccepted(Answer):
    """What is on its way, by which tx, and what was left out. Each payment that was named is in one of the two."""

    sent: list[SentBatch]
    left_out: list[LeftOut]


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


class ToSign(Answer):
    """What a wallet signs in place of a tx; the tx comes from the same path, asked with the signature."""

    verb: Verb
    typed_data: Annotated[
        dict[str, Any],
        Field(description="EIP-712, as `eth_signTypedData_v4` takes it."),
    ]
    come_back_with: Annotated[
        dict[str, str],
        Field(description="Query parameters that belong to the signature; `signature` itself and `from` come on top."),
    ]
    before: Annotated[list[PlainTx], Field(description="Txs of the signer that must be mined first (for Permit2).")]

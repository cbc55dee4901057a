"""Payments, their timelines, and the txs that go with them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from earnest.client.models.base import Amount, Block, Model
from earnest.payment.status import Finality, Role, Status, Verb


class Action(Model, frozen=True, kw_only=True):
    """A verb that is possible in `[from_, until)` by the chain's clock; None: since ever, or without an end."""

    verb: Verb
    by: list[Role]
    from_: datetime | None = msgspec.field(name="from")
    until: datetime | None


class Terms(Model, frozen=True, kw_only=True):
    """A payment's terms; its id is their hash with the chain and the escrow. Times are Unix, periods seconds."""

    buyer: str
    merchant: str
    operator: str
    arbiter: str
    token: str
    amount: int
    fee_recipient: str
    fee_bps: int
    pay_by: int
    delivery_period: int
    dispute_window: int
    arbitration_period: int
    order_hash: str


class PublicPayment(Model, frozen=True, kw_only=True):
    """A payment as anyone with its id may see it."""

    id: str
    chain: str
    escrow: str
    status: Status
    status_since: datetime | None
    finality: Finality | None
    block: Block | None
    created_at: datetime | None
    description: str | None = None
    amount: Amount
    held: Amount
    to_merchant: Amount
    to_fee_recipient: Amount
    to_buyer: Amount
    repaid: Amount
    buyer: str | None
    payer: str | None
    terms: Terms
    pay_by: datetime
    actions: list[Action]
    deposit_address: str | None
    payment_uri: str | None

    def can(self, verb: Verb | str) -> bool:
        """Say whether a verb is possible now or by waiting; `actions` says by whom and from when on."""
        return any(each.verb == verb for each in self.actions)


class Payment(PublicPayment, frozen=True, kw_only=True):
    """The whole payment, for its merchant."""

    version: int
    foreign: bool
    order_reference: str | None
    checkout_url: str | None


class TimelineRow(Model, frozen=True, kw_only=True):
    """One event of a payment's history: `status` and the amounts are those after it.

    Or, without `type` and `seq`, something told beside it: `DepositReturned` with `buyer` and `returned`, `ItemSkipped`
    with `item` and `why`.
    """

    type: str | None
    event: str
    seq: int | None
    finality: Finality | None
    orphaned: bool
    block: Block
    tx_hash: str
    log_index: int
    status: Status | None = None
    held: Amount | None = None
    to_merchant: Amount | None = None
    to_fee_recipient: Amount | None = None
    to_buyer: Amount | None = None
    credited: tuple[str, ...] = ()
    payer: str | None = None
    buyer: str | None = None
    returned: Amount | None = None
    item: int | None = None
    why: str | None = None


class TxAttempt(Model, frozen=True, kw_only=True):
    """One signed form of a tx; fees in wei per gas."""

    hash: str
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    signed_at: datetime


class SentTx(Model, frozen=True, kw_only=True):
    """A tx that the service sent with the operator's key; `hash` is its newest attempt's."""

    id: str
    chain: str
    verb: Verb
    payment: str | None
    state: str
    hash: str
    sender: str
    nonce: int
    attempts: list[TxAttempt]
    block: Block | None
    error: str | None
    created_at: datetime


class Accepted(Model, frozen=True, kw_only=True):
    """A verb is on its way to the chain; the status moves when its log is back."""

    payment: str
    tx: SentTx


class SentBatch(Model, frozen=True, kw_only=True):
    """A batch's tx, and the payments in it."""

    payments: list[str]
    tx: SentTx


class LeftOut(Model, frozen=True, kw_only=True):
    """A payment that is in no tx, and why."""

    payment: str
    code: str
    detail: str


class ManyAccepted(Model, frozen=True, kw_only=True):
    """What is on its way by which tx, and what was left out."""

    sent: list[SentBatch]
    left_out: list[LeftOut]


class PlainTx(Model, frozen=True, kw_only=True):
    """An unsigned tx as a wallet takes it; `value` in the coin's base units, nonce and fees are the wallet's."""

    to: str
    data: str
    value: int
    chain_id: int
    gas: int


class PreparedTx(PlainTx, frozen=True, kw_only=True):
    """A verb's unsigned tx, and what has to be mined before it."""

    verb: Verb
    before: list[PlainTx]


class ToSign(Model, frozen=True, kw_only=True):
    """What a wallet signs (EIP-712) in place of a tx; ask again with the signature and all of `come_back_with`."""

    verb: Verb
    typed_data: dict[str, Any]
    come_back_with: dict[str, str]
    before: list[PlainTx]

"""The account: what it adds up to, its keys, and who changed what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from earnest.client.models.base import Amount, Block, Model
from earnest.payment.status import Finality, Status


class Balance(Model, frozen=True, kw_only=True):
    """One token's sums on one chain."""

    chain: str
    token: str
    symbol: str
    as_of: Block | None
    held: Amount
    releasable: Amount
    released: Amount
    fees: Amount
    refunded: Amount
    repaid: Amount
    credits: Amount


class BalanceRow(Model, frozen=True, kw_only=True):
    """One row of a sum; `out` lowers it. Without a payment: a withdrawal, or no payment of yours."""

    payment: str | None
    order_reference: str | None
    status: Status | None
    amount: Amount
    direction: str
    block: Block | None
    tx_hash: str | None


class TellStep(Model, frozen=True, kw_only=True):
    """From `amount` on you are told at `finality`; without an amount: of all payments in tokens without steps."""

    finality: Finality
    amount: Amount | None


class Settings(Model, frozen=True, kw_only=True):
    """The account: who is paid, what terms payments get that name none (periods in seconds), when you are told."""

    merchant: str
    name: str
    payout: str
    operator: str | None
    arbiter: str | None
    fee_recipient: str | None
    fee_bps: int
    delivery_period: int
    dispute_window: int
    arbitration_period: int
    payment_window: int
    safe_depth_blocks: int
    tell: list[TellStep]


class Key(Model, frozen=True, kw_only=True):
    """An API key without its secret; `name` is what it was called when it was made."""

    id: str
    name: str | None
    prefix: str
    scopes: list[str]
    role: str | None
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class KeyWithSecret(Key, frozen=True, kw_only=True):
    """An API key with its secret, shown this once."""

    secret: str


class RevokedKey(Model, frozen=True, kw_only=True):
    """It is refused from now on."""

    id: str


class AuditEntry(Model, frozen=True, kw_only=True):
    """One change and who made it; `hash` covers it and, by `previous`, all before it."""

    number: int
    at: datetime
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    request_id: str | None
    previous: str
    hash: str

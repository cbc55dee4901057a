"""What the API answers, as values. Fields that a newer service adds are passed over, so that it may add some.

Amounts in base units are whole numbers, times are aware `datetime`s in UTC. A test holds every field against the
OpenAPI document.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

from earnest.payment.status import Finality, Role, Status, Verb

T = TypeVar("T")


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A value from the API."""


class Page(Model, Generic[T], frozen=True, kw_only=True):
    """A piece of a list."""

    data: list[T]
    has_more: bool
    next_cursor: str | None


class Amount(Model, frozen=True, kw_only=True):
    """An amount of a token; `value` is the same as a decimal number."""

    base_units: int
    decimals: int
    token: str
    symbol: str
    value: Decimal

    def __str__(self) -> str:
        """Show it as people write it."""
        return f"{self.value} {self.symbol}"


class Block(Model, frozen=True, kw_only=True):
    """A block; its hash says which one, whatever a reorg does."""

    number: int
    hash: str
    timestamp: datetime


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
    """One event of a payment's history, or (without `type` and `seq`) something told beside it."""

    type: str | None
    event: str
    seq: int | None
    finality: Finality | None
    orphaned: bool
    block: Block
    tx_hash: str
    log_index: int


class SentTx(Model, frozen=True, kw_only=True):
    """A tx that the service sent with the operator's key."""

    id: str
    chain: str
    verb: Verb
    payment: str | None
    state: str
    hash: str
    sender: str
    nonce: int
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


class Event(Model, frozen=True, kw_only=True):
    """A notification: what a webhook's body holds. `data` is the whole payment as it was then."""

    id: str
    type: str
    timestamp: datetime
    data: dict[str, Any]
    events: list[dict[str, Any]]

    @property
    def payment_id(self) -> str:
        """Which payment it is about."""
        return str(self.data["id"])

    @property
    def payment(self) -> Payment:
        """The payment as it was then, typed."""
        return msgspec.convert(self.data, Payment, strict=False)


class Endpoint(Model, frozen=True, kw_only=True):
    """A webhook endpoint."""

    id: str
    url: str
    types: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    created_at: datetime


class EndpointWithSecret(Endpoint, frozen=True, kw_only=True):
    """A webhook endpoint with its secret, shown this once."""

    secret: str


class Attempt(Model, frozen=True, kw_only=True):
    """One HTTP try."""

    number: int
    at: datetime
    status_code: int | None
    error: str | None
    duration_ms: int


class Delivery(Model, frozen=True, kw_only=True):
    """A notification on its way to an endpoint."""

    notification_id: str
    type: str
    payment: str
    state: str
    next_attempt_at: datetime | None
    attempts: list[Attempt]


class Deleted(Model, frozen=True, kw_only=True):
    """It is gone."""

    id: str


class Replayed(Model, frozen=True, kw_only=True):
    """How many deliveries were made due again."""

    replayed: int


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


class Head(Model, frozen=True, kw_only=True):
    """A chain's newest block."""

    number: int
    hash: str
    timestamp: datetime


class FaultsOrdered(Model, frozen=True, kw_only=True):
    """How many calls of each JSON-RPC method are still to fail."""

    waiting: dict[str, int]


class ChainSync(Model, frozen=True, kw_only=True):
    """How far a chain is mirrored; block numbers."""

    chain: str
    network: str
    escrow: str | None
    head: int | None
    final: int | None
    node_head: int | None
    lag_blocks: int | None


class Sync(Model, frozen=True, kw_only=True):
    """How far every chain is mirrored."""

    chains: list[ChainSync]

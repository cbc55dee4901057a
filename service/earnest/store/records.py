"""What the store keeps, as values: one frozen dataclass for each kind of row that leaves this room.

Times are Unix seconds by the wall clock unless a field says otherwise; amounts are base units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, TypeVar

from earnest.payment.events import DepositReturned, ItemSkipped, PaymentEvent
from earnest.payment.primitives import Address, Hash32
from earnest.payment.record import BlockRef
from earnest.payment.status import Finality, Status
from earnest.payment.tell_rule import AT_ONCE, TellRule
from earnest.payment.values import quick

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Merchant:
    """An account: who is paid, and the terms that its payments get when a request names none.

    `payout` is the terms' `merchant`; `operator`, `arbiter` and `fee_recipient` may be the zero address. All periods
    are seconds; `payment_window` is what lies between creation and `pay_by`. `tell` says when he is told of events.
    """

    id: str
    name: str
    payout: Address
    operator: Address
    arbiter: Address
    fee_recipient: Address
    fee_bps: int
    delivery_period: int
    dispute_window: int
    arbitration_period: int
    payment_window: int
    safe_depth_blocks: int
    created_at: int
    tell: TellRule = AT_ONCE


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret: `hash` is the SHA-256 of that, in hexadecimal; `prefix` is what people may see.

    `name` is what a person calls it, None where he said nothing.
    """

    id: str
    merchant_id: str
    hash: str
    prefix: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody signed in at the merchant's desk, by an API key or by the wallet that is paid: one of them is there.

    `hash` is the SHA-256 of what the browser keeps, in hexadecimal. `seen_at` is when it was used last, a few minutes
    roughly; from `ends_at` on it is over.
    """

    hash: str
    merchant_id: str
    created_at: int
    seen_at: int
    ends_at: int
    key_id: str | None = None
    wallet: Address | None = None


@quick
@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event and where it stands (or stood: `orphaned`). `final`: its block is past the chain's finality."""

    chain_id: int
    block: BlockRef
    tx_hash: Hash32
    log_index: int
    event: PaymentEvent
    orphaned: bool = False
    final: bool = False


@dataclass(frozen=True, slots=True)
class StoredCredit:
    """A withdrawal of a credit and where it stands; it belongs to an account, not to a payment."""

    chain_id: int
    block: BlockRef
    tx_hash: Hash32
    log_index: int
    account: Address
    token: Address
    amount: int


@dataclass(frozen=True, slots=True)
class StoredSideEvent:
    """What was told of a payment beside its own history, and where it stands (or stood: `orphaned`)."""

    chain_id: int
    block: BlockRef
    tx_hash: Hash32
    log_index: int
    event: DepositReturned | ItemSkipped
    orphaned: bool = False


@dataclass(frozen=True, slots=True)
class StoredDismissal:
    """A merchant's dismissal of an operator and where it stands; it concerns all payments that name the two."""

    chain_id: int
    block: BlockRef
    tx_hash: Hash32
    log_index: int
    merchant: Address
    operator: Address


@quick
@dataclass(frozen=True, slots=True)
class StoredBlock:
    """An accepted block and its parent."""

    ref: BlockRef
    parent_hash: Hash32


@dataclass(frozen=True, slots=True)
class ChainRow:
    """A followed chain: which one it is, and the newest final block (None before there is one).

    `last_batch` names the updates that were believed last, so that the same ones coming again are recognised.
    """

    chain_id: int
    genesis_hash: Hash32
    escrow: Address
    final: BlockRef | None = None
    last_batch: str | None = None


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process that works on the database. `name`: its machine and its number there; `started_at`: database time."""

    id: str
    name: str
    started_at: int


@dataclass(frozen=True, slots=True)
class Lead:
    """That a process leads a job; `epoch` rises by one with each leader, so that an older one can be told apart."""

    name: str
    process_id: str
    epoch: int


@dataclass(frozen=True, slots=True)
class LeaderRow:
    """Who leads a job, or led it last. `since` is database time, `report` what it last told about the job.

    `is_there`: it leads now. If not, nobody does, for about `vacant_seconds`.
    """

    name: str
    process_name: str
    since: int
    epoch: int
    vacant_seconds: int
    is_there: bool
    report: Mapping[str, Any] | None = None


@quick
@dataclass(frozen=True, slots=True)
class Notification:
    """What a merchant is told of one change of one payment; `payload` is the webhook's whole body."""

    id: str
    merchant_id: str
    chain_id: int
    payment_id: Hash32
    version: int
    type: str
    payload: dict[str, Any]
    created_at: int


@dataclass(frozen=True, slots=True)
class Untold:
    """That an event of a payment is held back from its merchant.

    He is told once the head's number is `due_head`, and in any case once block `block_number`, in which the event
    stands, is final; `due_head` None: only then.
    """

    chain_id: int
    payment_id: Hash32
    seq: int
    block_number: int
    due_head: int | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A merchant's webhook endpoint; no `types` means all of them."""

    id: str
    merchant_id: str
    url: str
    types: frozenset[str]
    secret_encrypted: bytes
    created_at: int
    disabled_at: int | None = None
    disabled_reason: str | None = None


class DeliveryState(StrEnum):
    """How far a notification has come on its way to one endpoint."""

    PENDING = "pending"
    """Not there yet; tried again at `next_attempt_at`."""
    DELIVERED = "delivered"
    """The endpoint said that it has it."""
    DEAD = "dead"
    """Given up; listed, and sent again only when somebody asks for it."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One notification on its way to one endpoint; `attempts` counts those made, `claimed_until` ends a lease.

    `claimed_by` is the process that claimed it: a claim ends with its process, too. `claims` counts how often it was
    claimed, which tells a claim from a later one.
    """

    notification_id: str
    endpoint_id: str
    state: DeliveryState
    attempts: int
    next_attempt_at: int
    claimed_until: int | None = None
    claimed_by: str | None = None
    claims: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP try. `number` counts from 1; `status_code` is None when no answer came."""

    notification_id: str
    endpoint_id: str
    number: int
    at: int
    status_code: int | None
    error: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A delivery with what was delivered and every attempt so far, oldest first."""

    delivery: Delivery
    notification: Notification
    attempts: tuple[Attempt, ...]


SETTLED_TX_STATES: Final = frozenset({"final", "failed", "lost"})
"""A tx in one of these needs no more care."""


@dataclass(frozen=True, slots=True)
class TxAttemptRow:
    """One signed form of an outgoing tx: the very bytes that are broadcast, kept before they are. Fees in wei."""

    hash: Hash32
    raw: bytes
    nonce: int
    gas: int
    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    signed_at: int


@dataclass(frozen=True, slots=True)
class TxRow:
    """An outgoing tx: what it is to do and all its signed forms, oldest first.

    `state` is one of signed, broadcast, included, final, failed, lost. `dedupe_key` names the intent: the same intent
    is never sent under two nonces.
    """

    id: str
    chain_id: int
    sender: Address
    nonce: int
    verb: str
    payment_id: Hash32 | None
    to: Address
    data: bytes
    value: int
    gas: int
    state: str
    created_at: int
    dedupe_key: str
    merchant_id: str | None = None
    attempts: tuple[TxAttemptRow, ...] = ()
    block: BlockRef | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Fresh:
    """The key was never used (or its user died): go ahead, and `finish` with this `attempt`.

    `note` is what those who died had noted last.
    """

    attempt: int
    note: bytes | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """The request was answered before; this is the answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Running:
    """The same request is being worked on right now."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The key was used for another request."""


Beginning = Fresh | Replay | Running | Mismatch


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which payments a list shows; what is empty or None does not restrict.

    `safe_depth_blocks` is the merchant's rule for `safe`, needed when `finalities` is given. The creation times are the
    half-open interval `[created_from, created_until)`.
    """

    statuses: frozenset[Status] = field(default_factory=frozenset)
    finalities: frozenset[Finality] = field(default_factory=frozenset)
    safe_depth_blocks: int = 0
    order_reference: str | None = None
    buyer: Address | None = None
    token: Address | None = None
    chain_id: int | None = None
    created_from: int | None = None
    created_until: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A piece of a list; `next_cursor` fetches the next piece and is None at the end."""

    items: Sequence[T]
    next_cursor: str | None

    @property
    def has_more(self) -> bool:
        """Whether there is a next piece."""
        return self.next_cursor is not None

"""How the service does, and what only a chain for tests can do."""

from __future__ import annotations

from datetime import datetime

from earnest.client.models.base import Block, Model


class Live(Model, frozen=True, kw_only=True):
    """The process answers."""

    status: str
    version: str


class Ready(Model, frozen=True, kw_only=True):
    """Whether requests should be sent there, and why not."""

    ready: bool
    reasons: list[str]


class Head(Model, frozen=True, kw_only=True):
    """A chain's newest block."""

    number: int
    hash: str
    timestamp: datetime


class FaultsOrdered(Model, frozen=True, kw_only=True):
    """How many calls of each JSON-RPC method are still to fail."""

    waiting: dict[str, int]


class Heads(Model, frozen=True, kw_only=True):
    """How new blocks are noticed."""

    by: str
    why: str | None


class ChainEndpoint(Model, frozen=True, kw_only=True):
    """One node of a chain, as the process that answers sees it; block numbers."""

    name: str
    state: str
    reason: str | None
    since: datetime
    head: int | None
    final: int | None
    failures: int
    alarms: dict[str, int]
    next_look_at: datetime | None


class Leader(Model, frozen=True, kw_only=True):
    """The process that follows a chain, or that did last."""

    process: str
    since: datetime
    leads: bool
    here: bool
    quiet_seconds: int


class Operator(Model, frozen=True, kw_only=True):
    """The account that sends what merchants ask for."""

    address: str
    balance_wei: int | None
    unsettled_txs: int
    error: str | None


class LastReconciliation(Model, frozen=True, kw_only=True):
    """The last comparison of every payment with the contract's own state."""

    block: Block
    finished_at: datetime
    duration_ms: int
    payments: int
    differences: int
    named: list[str]


class FailingReconciliation(Model, frozen=True, kw_only=True):
    """Comparisons that did not come to their end."""

    since: datetime
    at: datetime
    times: int
    error: str
    error_code: str


class ChainSync(Model, frozen=True, kw_only=True):
    """How far a chain is mirrored; block numbers. `error` says why it is no farther."""

    chain: str
    network: str
    escrow: str | None
    head: int | None
    final: int | None
    chain_time: datetime | None
    age_seconds: int | None
    node_head: int | None
    lag_blocks: int | None
    error: str | None
    error_code: str | None
    endpoint: str | None
    heads: Heads | None
    headers: str | None
    receipts: str | None
    endpoints: list[ChainEndpoint]
    leader: Leader | None
    operator: Operator | None
    reconciliation: LastReconciliation | None
    reconciliation_failing: FailingReconciliation | None


class Sync(Model, frozen=True, kw_only=True):
    """How far every chain is mirrored."""

    chains: list[ChainSync]

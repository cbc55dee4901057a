"""Health, and what only the embedded chain can do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import Answer, BaseUnits, Block, OutAddress, OutTime, Request


class Live(Answer):
    """The process answers."""

    status: Literal["live"]
    version: str


class Ready(Answer):
    """Whether requests should be sent here, and why not."""

    ready: bool
    reasons: list[str]


class Operator(Answer):
    """The account that sends what merchants ask for: its coin for gas, its txs under way, what stands in their way."""

    address: OutAddress
    balance_wei: BaseUnits | None
    unsettled_txs: int
    error: str | None


class ChainEndpoint(Answer):
    """One node of a chain, as this process sees it. `name` is its host; numbers are block numbers."""

    name: Annotated[str, Field(examples=["node.example", "node.example#2"])]
    state: Literal["new", "ok", "behind", "away", "lies", "went_back", "wrong_chain"]
    reason: Annotated[str | None, Field(description="Why it is set aside.")]
    since: Annotated[OutTime, Field(description="Since when it is in this state.")]
    head: int | None
    final: int | None
    failures: int
    alarms: Annotated[dict[str, int], Field(description="How often it did what no honest endpoint does, by kind.")]
    next_look_at: Annotated[OutTime | None, Field(description="When one that is set aside is tried again.")]


class Leader(Answer):
    """The process that follows a chain, or that did last: its machine and its number there, by the database's clock."""

    process: Annotated[str, Field(examples=["machine-2/4711"])]
    since: OutTime
    leads: Annotated[bool, Field(description="False: it ended or fell silent, and nobody has taken over yet.")]
    here: Annotated[bool, Field(description="Whether it is the process that answers.")]
    quiet_seconds: Annotated[int, Field(description="How long ago it did its last step; one that hangs shows here.")]


class LastReconciliation(Answer):
    """The last comparison of every payment with the contract's own state, at one block."""

    block: Block
    finished_at: OutTime
    duration_ms: int
    payments: int
    differences: int
    named: Annotated[list[str], Field(description="The first differences, as sentences.")]


class FailingReconciliation(Answer):
    """Comparisons that did not come to their end, since the last one that did."""

    since: OutTime
    at: Annotated[OutTime, Field(description="When the latest failed.")]
    times: int
    error: str
    error_code: str


class Heads(Answer):
    """How new blocks are noticed: a node tells of each at once, or is asked again and again."""

    by: Literal["subscription", "polling"]
    why: Annotated[str | None, Field(description="What is wrong with the subscription, or why there is none.")]


class ChainSync(Answer):
    """How far one chain is mirrored, as whoever follows it tells. Numbers are block numbers."""

    chain: str
    network: str
    escrow: str | None
    head: int | None
    final: int | None
    chain_time: OutTime | None
    age_seconds: Annotated[int | None, Field(description="How old the newest mirrored block is, by our clock.")]
    node_head: int | None
    lag_blocks: int | None
    error: str | None
    error_code: str | None
    endpoint: Annotated[str | None, Field(description="Which endpoint was followed last.")]
    heads: Annotated[Heads | None, Field(description="Null before the first look.")]
    headers: Annotated[
        Literal["recomputed", "taken"] | None,
        Field(description="Whether each header's hash is computed from its fields; `taken`: their form is not known."),
    ]
    receipts: Annotated[
        Literal["proven", "taken"] | None,
        Field(
            description="Whether receipts prove that no log is kept back, where a bloom does not; `taken`: they could "
            "not be had the last time. Null before it was needed."
        ),
    ]
    endpoints: list[ChainEndpoint]
    leader: Annotated[Leader | None, Field(description="Null where nobody has ever followed it.")]
    operator: Annotated[Operator | None, Field(description="Null where this process sends nothing.")]
    reconciliation: Annotated[
        LastReconciliation | None, Field(description="Null where there was none since the mirror was last rebuilt.")
    ]
    reconciliation_failing: Annotated[
        FailingReconciliation | None, Field(description="Null unless the latest comparison failed.")
    ]


class Sync(Answer):
    """How far every chain is mirrored."""

    chains: list[ChainSync]


class ClockRequest(Request):
    """Move the chain's clock forward, and mine a block so that it counts."""

    advance_seconds: Annotated[int, Field(strict=True, ge=1, le=10 * 366 * 86_400)]


class MineRequest(Request):
    """Mine empty blocks (and what waits in the pool)."""

    blocks: Annotated[int, Field(strict=True, ge=1, le=1_000)] = 1


class ReorgRequest(Request):
    """Drop the newest blocks with all their txs, and mine as many empty ones in their place."""

    depth: Annotated[int, Field(strict=True, ge=1, le=100)] = 1


class Head(Answer):
    """The chain's newest block after it."""

    number: int
    hash: str
    timestamp: OutTime

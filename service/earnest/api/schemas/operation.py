"""Health, and what only the embedded chain can do."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import Answer, OutAddress, OutTime, Request


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
    balance_wei: Annotated[str | None, Field(examples=["10000000000000000"])]
    unsettled_txs: int
    error: str | None


class ChainSync(Answer):
    """How far one chain is mirrored. Numbers are block numbers."""

    chain: str
    network: str
    escrow: str | None
    head: int | None
    final: int | None
    chain_time: OutTime | None
    node_head: int | None
    lag_blocks: int | None
    error: str | None
    operator: Annotated[Operator | None, Field(description="Null where this process sends nothing.")]


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

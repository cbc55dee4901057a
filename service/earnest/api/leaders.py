"""Who follows each chain, as the database tells it: for processes that stand by, or only answer requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from earnest.api.services import ChainService, FollowerReport
from earnest.payment.representation import rfc3339
from earnest.store import Transaction
from earnest.store.leads import follow_lead
from earnest.store.records import LeaderRow

VACANT_FORGIVEN_SECONDS: Final = 10
"""A stand-by takes over within 4 seconds; where nobody did for so long, there is none, or it cannot."""


@dataclass(frozen=True, slots=True)
class ToldByAnother:
    """What the leader last told about its following; fills the port `FollowerReport`."""

    head: int | None = None
    final: int | None = None
    node_head: int | None = None
    lag_blocks: int | None = None
    error: str | None = None
    code: str | None = None
    endpoint: str | None = None
    state: str = "starting"
    failures: int = 0
    heads: str | None = None
    heads_why: str | None = None


@dataclass(frozen=True, slots=True)
class Following:
    """How a chain is followed. `leader`: None where nobody ever led; `report`: None while nobody tells."""

    leader: LeaderRow | None = None
    report: FollowerReport | None = None
    is_here: bool = field(default=False)

    @property
    def vacancy(self) -> str | None:
        """Why nobody follows the chain, None where somebody does, or has until a moment ago."""
        if self.is_here:
            return None
        if self.leader is None:
            return "no process follows it: run `earnest follow`, or `earnest serve` without --api-only"
        if self.leader.vacant_seconds <= VACANT_FORGIVEN_SECONDS:
            return None
        ago = f"for {self.leader.vacant_seconds} seconds, since {self.leader.process_name} ended or fell silent"
        return f"no process has followed it {ago}: run `earnest follow`, or `earnest serve` without --api-only"


def following_of(tx: Transaction, chain_id: int, chain: ChainService) -> Following:
    """Return how a chain is followed, by this process or by another."""
    leader, own = tx.leads.leader(follow_lead(chain_id)), chain.follower
    if own is not None:
        return Following(leader, own, is_here=True)
    told = leader.report if leader is not None and leader.is_there else None
    return Following(leader, _told(told) if told is not None else None)


def leader_of(following: Following) -> dict[str, Any] | None:
    """Return who leads as the API shows it."""
    leader = following.leader
    if leader is None:
        return None
    return {
        "process": leader.process_name,
        "since": rfc3339(leader.since),
        "leads": leader.is_there,
        "here": following.is_here,
    }


def _told(report: Mapping[str, Any]) -> ToldByAnother:
    # Another process may run another version: what it does not tell is left out.
    return ToldByAnother(**{name: report[name] for name in ToldByAnother.__slots__ if name in report})

"""Who follows each chain, as the database tells it: for processes that stand by, or only answer requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from earnest.api.services import ChainService, FollowerReport
from earnest.payment.representation import rfc3339
from earnest.store import Transaction
from earnest.store.leading import HANGS, QUIET_SECONDS
from earnest.store.leads import follow_lead
from earnest.store.records import LeaderRow

VACANT_FORGIVEN_SECONDS: Final = 10
"""A stand-by takes over within 4 seconds; where nobody did for so long, there is none, or it cannot."""
QUIET_FORGIVEN_SECONDS: Final = 60
"""A step is a page of logs at the most; a slow node is given several tries for that, and still answers within a minute.
Whoever is silent for twice as long loses the lead."""


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
    headers: str | None = None
    receipts: str | None = None


@dataclass(frozen=True, slots=True)
class Following:
    """How a chain is followed. `leader`: None where nobody ever led; `report`: None while nobody tells."""

    leader: LeaderRow | None = None
    report: FollowerReport | None = None
    is_here: bool = field(default=False)
    quiet_seconds: int = field(default=0)
    """How long ago whoever follows has done a step."""

    @property
    def hanging(self) -> str | None:
        """What is known of a follower that neither goes on nor fails; None where it does, or another one follows."""
        leader = self.leader
        if not self.is_here and leader is not None and not leader.is_there and (leader.report or {}).get(HANGS):
            return f"the follower in {leader.process_name} hangs, and no other process follows it: restart that one"
        if self.quiet_seconds > QUIET_FORGIVEN_SECONDS:
            return f"the follower has done no step for {self.quiet_seconds} seconds"
        return None

    @property
    def vacancy(self) -> str | None:
        """Why nobody follows the chain, None where somebody does, or has until a moment ago."""
        if self.is_here or self.hanging is not None:
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
        return Following(leader, own, is_here=True, quiet_seconds=chain.follower_quiet_seconds())
    told = leader.report if leader is not None and leader.is_there else None
    if told is None:
        return Following(leader)
    return Following(leader, _told(told), quiet_seconds=int(told.get(QUIET_SECONDS) or 0))


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
        "quiet_seconds": following.quiet_seconds,
    }


def _told(report: Mapping[str, Any]) -> ToldByAnother:
    # Another process may run another version: what it does not tell is left out.
    return ToldByAnother(**{name: report[name] for name in ToldByAnother.__slots__ if name in report})

"""Whether the service may be sent requests, and why not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from earnest.api.endpoints import represent_endpoint
from earnest.api.leaders import Following, following_of, leader_of
from earnest.api.reconciliations import reason_against, represent_failing, represent_reconciliation
from earnest.api.services import ChainService, FollowerReport, Services
from earnest.chain.words import plain
from earnest.payment.errors import EarnestError
from earnest.payment.record import ChainView
from earnest.payment.representation import caip2, rfc3339
from earnest.store import Transaction
from earnest.store.reconciliations import FailedReconciliation, Reconciliation

MAX_LAG_BLOCKS: Final = 20
"""A follower that polls once in a third of a block is never two behind; twenty are a fault, or a long catching up."""
FAILURES_FORGIVEN: Final = 2
"""One answer of a node that is lost, or two, are an ordinary day; from the third on something is wrong."""


class Reason(StrEnum):
    """Why requests should go elsewhere; each stands in brackets behind its words, and in docs/operations.md with what
    to do."""

    DATABASE = "database_unavailable"
    """The database does not answer."""
    NO_ESCROW = "no_escrow"
    """No escrow is deployed on the chain."""
    NOT_MIRRORED = "not_mirrored"
    """Nothing of the chain is mirrored yet."""
    NO_FOLLOWER = "no_follower"
    """No process follows the chain."""
    HANGS = "follower_hangs"
    """The follower neither goes on nor fails."""
    DIFFERENCES = "differences"
    """The mirror and the contract differ."""
    NOT_REACHED = "not_reached"
    """The follower has not reached any node yet."""
    BEHIND = "behind"
    """The follower is many blocks behind."""
    WAITING = "follower_waiting"
    """The follower fails again and again."""
    FORGED = "header_forged"
    """Every endpoint tells headers that do not hash to their hashes."""
    STOPPED = "follower_stopped"
    """The follower stopped: only the host can help."""
    FROZEN = "reorg_past_finality"
    """A final block is gone from the chain."""
    DISAGREE = "endpoints_disagree"
    """Two endpoints tell different final blocks."""


def reasons_against(services: Services) -> list[str]:
    """Return why requests should go elsewhere; empty when all is well. Asks the database, never a node."""
    reasons: list[str] = []
    try:
        found = _look(services)
    except EarnestError as error:
        return [f"the database does not answer ({error.code})"]
    for chain_id, chain in services.chains.items():
        reasons += [f"{chain.network.name}: {reason}" for reason in _chain_reasons(chain, found[chain_id])]
    return reasons


def is_behind(tx: Transaction, chain_id: int, chain: ChainService) -> bool:
    """Say whether what is mirrored of a chain may be older than the chain; for people, who cannot go elsewhere."""
    following = following_of(tx, chain_id, chain)
    status = following.report
    if following.vacancy is not None or following.hanging is not None:
        return True
    return status is not None and (_is_held_up(status) or status.lag_blocks is None or _lags(status.lag_blocks))


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database tells of a chain: what is mirrored, by whom, and what was found against it."""

    view: ChainView | None
    following: Following
    last: Reconciliation | None
    failing: FailedReconciliation | None


def _look(services: Services) -> dict[int, _Found]:
    with services.store.read() as tx:
        return {
            chain_id: _Found(
                tx.blocks.view(chain_id),
                following_of(tx, chain_id, chain),
                tx.reconciliations.last(chain_id),
                tx.reconciliations.failing(chain_id),
            )
            for chain_id, chain in services.chains.items()
        }


def _chain_reasons(chain: ChainService, found: _Found) -> list[str]:
    view, following = found.view, found.following
    reasons: list[str] = []
    if chain.escrow is None:
        reasons.append(f"no escrow is deployed ({Reason.NO_ESCROW})")
    if view is None:
        reasons.append(f"nothing is mirrored yet ({Reason.NOT_MIRRORED})")
    if following.vacancy is not None:
        reasons.append(f"{following.vacancy} ({Reason.NO_FOLLOWER})")
    if following.hanging is not None:
        reasons.append(f"{following.hanging} ({Reason.HANGS})")
    if (against := reason_against(found.last)) is not None:
        reasons.append(f"{against} ({Reason.DIFFERENCES})")
    status = following.report
    if status is None:  # whoever follows has told nothing yet
        return reasons
    if _is_held_up(status):
        reasons.append(f"the follower is held up by an error, see /health/sync ({_held_up(status)})")
    if status.lag_blocks is None:
        reasons.append(f"the follower has not reached the node yet ({Reason.NOT_REACHED})")
    elif _lags(status.lag_blocks):
        reasons.append(f"the follower is {status.lag_blocks} blocks behind ({Reason.BEHIND})")
    return reasons


def _is_held_up(status: FollowerReport) -> bool:
    many = status.failures > FAILURES_FORGIVEN or status.state in ("frozen", "stopped")
    return bool(status.error) and many


def _lags(blocks: int) -> bool:
    return blocks > MAX_LAG_BLOCKS


def _held_up(status: FollowerReport) -> Reason:
    match status.state:
        case "stopped":
            return Reason.STOPPED
        case "frozen":
            return Reason.DISAGREE if status.code == Reason.DISAGREE else Reason.FROZEN
        case _:
            return Reason.FORGED if status.code == Reason.FORGED else Reason.WAITING


def sync_of(services: Services) -> list[dict[str, Any]]:
    """Return how far each chain is mirrored."""
    found = _look(services)
    now = services.clock()
    return [_sync(chain_id, chain, found[chain_id], now) for chain_id, chain in services.chains.items()]


def _sync(chain_id: int, chain: ChainService, found: _Found, now: int) -> dict[str, Any]:
    view, following = found.view, found.following
    status = following.report
    return {
        "chain": caip2(chain_id),
        "network": chain.network.name,
        "escrow": chain.escrow,
        "head": view.head.number if view else None,
        "final": view.final.number if view and view.final.number >= 0 else None,
        "chain_time": rfc3339(view.head.timestamp) if view else None,
        "age_seconds": max(0, now - view.head.timestamp) if view else None,
        "node_head": status.node_head if status else None,
        "lag_blocks": status.lag_blocks if status else None,
        "error": plain(status.error) if status and status.error else None,
        "error_code": status.code if status else None,
        "endpoint": status.endpoint if status else None,
        "heads": _heads(status) if status else None,
        "headers": status.headers if status else None,
        "receipts": status.receipts if status else None,
        "endpoints": [represent_endpoint(each) for each in chain.endpoints()],
        "leader": leader_of(following),
        "operator": _operator(chain),
        "reconciliation": represent_reconciliation(found.last),
        "reconciliation_failing": represent_failing(found.failing),
    }


def _heads(status: FollowerReport) -> dict[str, Any] | None:
    why = status.heads_why and plain(status.heads_why)
    return {"by": status.heads, "why": why} if status.heads else None


def _operator(chain: ChainService) -> dict[str, Any] | None:
    if chain.sender_status is None:
        return None
    status = chain.sender_status()
    return {
        "address": status.address,
        "balance_wei": None if status.balance is None else str(status.balance),
        "unsettled_txs": status.unsettled,
        "error": status.error and plain(status.error),
    }

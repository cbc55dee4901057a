"""Whether the service may be sent requests, and why not."""

from __future__ import annotations

from typing import Any, Final

from earnest.api.leaders import Following, following_of, leader_of
from earnest.api.reconciliations import reason_against, represent_reconciliation
from earnest.api.services import ChainService, Services
from earnest.payment.errors import EarnestError
from earnest.payment.record import ChainView
from earnest.payment.representation import caip2, rfc3339
from earnest.store.reconciliations import Reconciliation

MAX_LAG_BLOCKS: Final = 20
"""A follower that polls once in a third of a block is never two behind; twenty are a fault, or a long catching up."""
FAILURES_FORGIVEN: Final = 2
"""One answer of a node that is lost, or two, are an ordinary day; from the third on something is wrong."""


def reasons_against(services: Services) -> list[str]:
    """Return why requests should go elsewhere; empty when all is well. Asks the database, never a node."""
    reasons: list[str] = []
    try:
        found = _look(services)
    except EarnestError as error:
        return [f"the database does not answer ({error.code})"]
    for chain_id, chain in services.chains.items():
        reasons += [f"{chain.network.name}: {reason}" for reason in _chain_reasons(chain, *found[chain_id])]
    return reasons


def _look(services: Services) -> dict[int, tuple[ChainView | None, Following, Reconciliation | None]]:
    """Return what is mirrored of each chain, by whom, and what was found against it."""
    with services.store.read() as tx:
        return {
            chain_id: (
                tx.blocks.view(chain_id),
                following_of(tx, chain_id, chain),
                tx.reconciliations.last(chain_id),
            )
            for chain_id, chain in services.chains.items()
        }


def _chain_reasons(
    chain: ChainService, view: ChainView | None, following: Following, last: Reconciliation | None
) -> list[str]:
    reasons: list[str] = []
    if chain.escrow is None:
        reasons.append("no escrow is deployed")
    if view is None:
        reasons.append("nothing is mirrored yet")
    if following.vacancy is not None:
        reasons.append(following.vacancy)
    if (found := reason_against(last)) is not None:
        reasons.append(found)
    status = following.report
    if status is None:  # whoever follows has told nothing yet
        return reasons
    if status.error and (status.failures > FAILURES_FORGIVEN or status.state in ("frozen", "stopped")):
        reasons.append("the follower is held up by an error, see /health/sync")
    if status.lag_blocks is None:
        reasons.append("the follower has not reached the node yet")
    elif status.lag_blocks > MAX_LAG_BLOCKS:
        reasons.append(f"the follower is {status.lag_blocks} blocks behind")
    return reasons


def sync_of(services: Services) -> list[dict[str, Any]]:
    """Return how far each chain is mirrored."""
    found = _look(services)
    return [_sync(chain_id, chain, *found[chain_id]) for chain_id, chain in services.chains.items()]


def _sync(
    chain_id: int, chain: ChainService, view: ChainView | None, following: Following, last: Reconciliation | None
) -> dict[str, Any]:
    status = following.report
    return {
        "chain": caip2(chain_id),
        "network": chain.network.name,
        "escrow": chain.escrow,
        "head": view.head.number if view else None,
        "final": view.final.number if view and view.final.number >= 0 else None,
        "chain_time": rfc3339(view.head.timestamp) if view else None,
        "node_head": status.node_head if status else None,
        "lag_blocks": status.lag_blocks if status else None,
        "error": status.error if status else None,
        "leader": leader_of(following),
        "operator": _operator(chain),
        "reconciliation": represent_reconciliation(last),
    }


def _operator(chain: ChainService) -> dict[str, Any] | None:
    if chain.sender_status is None:
        return None
    status = chain.sender_status()
    return {
        "address": status.address,
        "balance_wei": None if status.balance is None else str(status.balance),
        "unsettled_txs": status.unsettled,
        "error": status.error,
    }

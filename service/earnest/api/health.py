"""Whether the service may be sent requests, and why not."""

from __future__ import annotations

from typing import Any, Final

from earnest.api.services import ChainService, Services
from earnest.payment.errors import EarnestError
from earnest.payment.record import ChainView
from earnest.payment.representation import caip2, rfc3339

MAX_LAG_BLOCKS: Final = 20
"""A follower that polls once in a third of a block is never two behind; twenty are a fault, or a long catching up."""
MAX_SILENCE_SECONDS: Final = 120
"""Longer than any chain here is without a block, shorter than a merchant's patience."""


def reasons_against(services: Services) -> list[str]:
    """Return why requests should go elsewhere; empty when all is well. Asks the database, never a node."""
    reasons: list[str] = []
    views: dict[int, ChainView | None] = {}
    try:
        with services.store.read() as tx:
            views = {chain_id: tx.blocks.view(chain_id) for chain_id in services.chains}
    except EarnestError as error:
        return [f"the database does not answer ({error.code})"]
    for chain_id, chain in services.chains.items():
        reasons += [f"{chain.network.name}: {reason}" for reason in _chain_reasons(services, chain, views[chain_id])]
    return reasons


def _chain_reasons(services: Services, chain: ChainService, view: ChainView | None) -> list[str]:
    reasons: list[str] = []
    if chain.escrow is None:
        reasons.append("no escrow is deployed")
    if view is None:
        reasons.append("nothing is mirrored yet")
    if chain.follower_status is None:
        return reasons
    status = chain.follower_status()
    if status.error:
        reasons.append("the follower is stopped by an error, see /health/sync")
    if status.lag_blocks is not None and status.lag_blocks > MAX_LAG_BLOCKS:
        reasons.append(f"the follower is {status.lag_blocks} blocks behind")
    if status.last_update_at is not None and services.clock() - status.last_update_at > MAX_SILENCE_SECONDS:
        reasons.append(f"the follower has told nothing for over {MAX_SILENCE_SECONDS} seconds")
    return reasons


def sync_of(services: Services) -> list[dict[str, Any]]:
    """Return how far each chain is mirrored."""
    with services.store.read() as tx:
        views = {chain_id: tx.blocks.view(chain_id) for chain_id in services.chains}
    return [_sync(chain_id, chain, views[chain_id]) for chain_id, chain in services.chains.items()]


def _sync(chain_id: int, chain: ChainService, view: ChainView | None) -> dict[str, Any]:
    status = chain.follower_status() if chain.follower_status else None
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
    }

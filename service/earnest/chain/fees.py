"""What to offer for gas: EIP-1559 fees for a new tx, and higher ones for a tx that waits too long. Wei per gas."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low
from typing import Final

from earnest.chain.errors import RpcError
from earnest.chain.node import FeeHistory, Node

HISTORY_BLOCKS: Final = 10
TIP_PERCENTILE: Final = 50
LOWEST_TIP: Final = 1_000_000
"""0.001 gwei: a chain without traffic tells tips of zero, and some nodes take no tx without any."""
DEFAULT_TIP: Final = 1_000_000_000
"""1 gwei, where the node cannot tell what others pay."""
BASE_FEE_HEADROOM: Final = 2
"""The base fee rises by an eighth a block at most, so twice of it holds for six full blocks. Source: EIP-1559."""
REPLACEMENT_PERCENT: Final = 13
"""Nodes want at least 10% more on both fees, some 12.5%, before they replace a waiting tx."""


@dataclass(frozen=True, slots=True)
class Fees:
    """What a tx offers; `capped` says that the market asks for more than the host allows."""

    max_fee_per_gas: int
    max_priority_fee_per_gas: int
    base_fee_per_gas: int
    capped: bool = False


def price(node: Node, cap: int | None = None) -> Fees:
    """Ask the node for the market and return what a new tx should offer, at most `cap`."""
    try:
        history = node.fee_history(HISTORY_BLOCKS, TIP_PERCENTILE)
    except RpcError:
        # Not every node keeps a history; every one has a newest block.
        latest = node.header("latest")
        history = FeeHistory(latest.base_fee_per_gas if latest else 0, ())
    return offer(history, cap)


def offer(history: FeeHistory, cap: int | None = None) -> Fees:
    """Return twice the next base fee plus the median tip, at most `cap`."""
    tip = max(median_low(history.tips), LOWEST_TIP) if history.tips else DEFAULT_TIP
    wanted = BASE_FEE_HEADROOM * history.next_base_fee + tip
    allowed = wanted if cap is None else min(wanted, cap)
    return Fees(allowed, min(tip, allowed), history.next_base_fee, capped=allowed < wanted)


def replacement(max_fee: int, tip: int, market: Fees, cap: int | None = None) -> Fees | None:
    """Return what replaces a waiting tx that offers `max_fee` and `tip`; None if the cap leaves no room for it."""
    least_fee, least_tip = _raised(max_fee), _raised(tip)
    wanted = max(least_fee, market.max_fee_per_gas)
    allowed = wanted if cap is None else min(wanted, cap)
    if allowed < least_fee:
        return None
    raised_tip = min(max(least_tip, market.max_priority_fee_per_gas), allowed)
    return Fees(allowed, raised_tip, market.base_fee_per_gas, capped=market.capped)


def _raised(fee: int) -> int:
    return -(-fee * (100 + REPLACEMENT_PERCENT) // 100)

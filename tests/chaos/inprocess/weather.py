"""How bad a story's day is: how often things crash, which faults the endpoint has, how deep finality lies."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

from earnest.testing.fault_plans import Fault, FaultKind
from earnest.testing.wild_errors import BEHIND_ERRORS, NO_SUCH_METHOD, RANGE_ERRORS, RESULT_ERRORS, TRANSIENT_ERRORS

_HEADS = ("eth_getBlockByNumber", "eth_blockNumber")


@dataclass(frozen=True)
class Weather:
    """Drawn once for each story."""

    finality_depth: int
    by_tag: bool
    steps: int
    crash_probability: float
    reorg_share: float
    shop_trouble: float
    endpoints: tuple[tuple[Fault, ...], ...]
    """What befalls each of the chain's endpoints."""

    @classmethod
    def of(cls, rng: random.Random) -> Weather:
        """Draw a day; one in five has no faults, so that crashes and reorgs are also seen by themselves."""
        severity = rng.choice([0.0, 0.02, 0.05, 0.1, 0.2])
        return cls(
            finality_depth=rng.choice([1, 2, 4, 4, 8, 12, 30]),
            by_tag=rng.random() < 0.5,
            steps=rng.choice([60, 90, 120]),
            crash_probability=rng.choice([0.0, 0.005, 0.01, 0.03]),
            reorg_share=rng.choice([0.02, 0.08, 0.15]),
            shop_trouble=rng.choice([0.0, 0.1, 0.3]),
            endpoints=tuple(_perhaps_without_receipts(_some(rng, severity)) for _ in range(rng.choice([1, 1, 2, 3]))),
        )


def _perhaps_without_receipts(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Let one endpoint of four have no `eth_getBlockReceipts`, unless it keeps logs back: then nobody could tell."""
    keeps_back = any(each.kind in (FaultKind.EMPTY_LOGS, FaultKind.MISSING_LOGS) for each in faults)
    if keeps_back or hashlib.blake2b(repr(faults).encode()).digest()[0] % 4:
        return faults
    return (*faults, Fault(FaultKind.RPC_ERROR, 1.0, ("eth_getBlockReceipts",), errors=NO_SUCH_METHOD))


def _some(rng: random.Random, severity: float) -> tuple[Fault, ...]:
    if not severity:
        return ()
    possible = [
        Fault(FaultKind.DROP, severity),
        Fault(FaultKind.LOSE, severity),
        Fault(FaultKind.GARBAGE, severity / 2),
        Fault(FaultKind.RATE_LIMIT, severity, retry_after_seconds=1),
        Fault(FaultKind.SERVER_ERROR, severity),
        Fault(FaultKind.RPC_ERROR, severity, errors=TRANSIENT_ERRORS),
        Fault(FaultKind.RPC_ERROR, severity, ("eth_getLogs",), errors=BEHIND_ERRORS),
        Fault(FaultKind.RANGE_LIMIT, limit=rng.choice([1, 3, 10]), errors=RANGE_ERRORS),
        Fault(FaultKind.RESULT_LIMIT, limit=rng.choice([5, 20]), errors=RESULT_ERRORS),
        Fault(FaultKind.EMPTY_LOGS, severity),
        Fault(FaultKind.MISSING_LOGS, severity),
        Fault(FaultKind.DUPLICATE_LOGS, severity),
        Fault(FaultKind.WRONG_CHAIN, severity),
        Fault(FaultKind.STALE_HEAD, severity, _HEADS, blocks=rng.choice([1, 3, 10])),
        Fault(FaultKind.STALE_HEAD, severity, blocks=rng.choice([1, 3])),
        Fault(FaultKind.NO_SUCH_BLOCK, severity),
    ]
    return tuple(rng.sample(possible, rng.randint(1, 6)))

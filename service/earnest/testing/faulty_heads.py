"""What a subscription to new heads tells when faults befall it: the same without a socket and over a real WebSocket."""

from __future__ import annotations

from earnest.payment.primitives import Hash32, hash32, keccak
from earnest.testing.fault_plans import FaultKind, FaultPlan

SUBSCRIPTION = "eth_subscription"
"""The method under which heads are told, and under which a plan's faults befall them."""
NO_HEAD = ("no JSON at all", b"\xff\xfe\x00", "[" * 2_000, '{"method": "eth_subscription", "params": {"result": 5}}')

Told = tuple[int, Hash32] | str | bytes | None
"""A head by number and hash, anything else as it is sent, or None: the connection is closed."""


def heads_told(plan: FaultPlan, number: int, block_hash: Hash32) -> list[Told]:
    """Return what is told, in order, when a block is mined: that block alone where the plan lets it be."""
    told: list[Told] = [(number, block_hash)]
    for fault in plan.question(SUBSCRIPTION, (number, block_hash)):
        plan.note(fault)
        match fault.kind:
            case FaultKind.HEADS_SILENCE:
                told = [each for each in told if each != (number, block_hash)]
            case FaultKind.HEADS_TWICE:
                told = [*told, (number, block_hash), (max(number - 1, 0), block_hash)]
            case FaultKind.HEADS_OF_A_FORK:
                other = hash32(keccak(b"fork " + block_hash.encode()))
                told = [*told, (number + int(2 * plan.chance("ahead", number)), other)]
            case FaultKind.HEADS_GARBAGE:
                told = [*told, NO_HEAD[int(plan.chance("garbage", number) * len(NO_HEAD))]]
            case FaultKind.HEADS_DROP:
                told = [*told, None]
    return told

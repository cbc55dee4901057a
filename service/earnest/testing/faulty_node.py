"""A node that misbehaves by a plan, at the port where nodes are asked: no socket is opened.

plan = FaultPlan([Fault(FaultKind.EMPTY_LOGS, 0.1), Fault(FaultKind.DROP, 0.05)], seed=7)
follower = Follower(FaultyNode(node, plan), mirror, ...)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from earnest.chain.errors import (
    MalformedAnswer,
    NodeUnavailable,
    RateLimited,
    RpcError,
)
from earnest.chain.node import Call, Node
from earnest.testing.fault_plans import Fault, FaultKind, FaultPlan
from earnest.testing.faulty_answers import answer


class FaultyNode(Node):
    """Stands before another node and lets faults befall what is asked of it.

    Args:
        node: the true one.
        plan: which faults, and when.
        sleep: waits out a delay.
    """

    def __init__(self, node: Node, plan: FaultPlan, *, sleep: Callable[[float], object] = time.sleep) -> None:
        self.endpoint = node.endpoint
        self._node, self.plan, self._sleep = node, plan, sleep

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        """Ask one thing.

        Raises:
            NodeUnavailable, RpcError: as the plan, or the true node, has it.
        """
        fault = self.plan.request([method], params)
        if fault is not None:
            self._befall(fault, lambda: self._node.call(method, params))
        return self._answer(method, params, into)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Ask many things at once; each result stands in its place, an `RpcError` where the node answered with one."""
        fault = self.plan.request([each.method for each in calls], [each.params for each in calls])
        if fault is not None and fault.kind is not FaultKind.NO_BATCHES:
            self._befall(fault, lambda: self._node.batch(calls))
        return [self._one(each) for each in calls]

    def _one(self, asked: Call) -> Any:
        try:
            return self._answer(*asked)
        except RpcError as error:
            return error

    def _answer(self, method: str, params: Sequence[Any], into: Any) -> Any:
        result = answer(self.plan, method, params, self._node.call)
        try:
            return msgspec.convert(result, into)
        except msgspec.ValidationError as problem:
            raise MalformedAnswer(self.endpoint, str(problem)) from None

    def _befall(self, fault: Fault, carry_out: Callable[[], object]) -> None:
        """Let a fault happen to a whole request; returns if it is answered all the same."""
        self.plan.note(fault)
        match fault.kind:
            case FaultKind.DELAY:
                self._sleep(fault.seconds)
            case FaultKind.DROP:
                raise NodeUnavailable(self.endpoint, "did not answer: the connection was dropped")
            case FaultKind.LOSE | FaultKind.TRUNCATE:
                carry_out()
                raise NodeUnavailable(self.endpoint, "did not answer: the connection broke off")
            case FaultKind.GARBAGE:
                raise MalformedAnswer(self.endpoint, "sent something else than was asked for")
            case FaultKind.RATE_LIMIT:
                raise RateLimited(self.endpoint, fault.retry_after_seconds)
            case FaultKind.SERVER_ERROR:
                raise NodeUnavailable(self.endpoint, "answered with HTTP status 502")

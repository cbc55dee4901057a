"""Several endpoints of one chain for the tests: honest ones, faulty ones, and those with a chain of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from earnest.chain.endpoints import Endpoints
from earnest.chain.follower import Follower
from earnest.chain.health import EndpointReport, EndpointState
from earnest.chain.node import Call, Node
from earnest.payment.errors import ChainDisagrees, EarnestError, Unavailable
from earnest.settings import FinalityRule
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode, Fault, Tamper
from tests.unit.chain.examples import CHAIN_ID, ESCROW

TAG = FinalityRule(tag="finalized")


class Clock:
    """Wall time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Gate(Node):
    """One way to a node: what breaks here does not break at the other ways to it."""

    def __init__(self, node: FakeNode, endpoint: str) -> None:
        self.node, self.endpoint = node, endpoint
        self.faults: Fault | None = None
        self.tamper: Tamper | None = None
        self.asked: list[str] = []

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        self.asked.append(method)
        with self.node._lock:
            former = self.node.faults, self.node.tamper
            self.node.faults, self.node.tamper = self.faults, self.tamper
            try:
                return self.node.call(method, params, into)
            finally:
                self.node.faults, self.node.tamper = former

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        results: list[Any] = []
        for each in calls:
            try:
                results.append(self.call(*each))
            except EarnestError as error:
                if not hasattr(error, "error_code"):
                    raise
                results.append(error)
        return results


class Several:
    """A follower of several endpoints, and a mirror that refuses whatever a correct follower never tells."""

    def __init__(self, *nodes: Node, rule: FinalityRule = TAG, deployed_at: int = 1) -> None:
        self.clock = Clock()
        self.mirror = FakeMirror()
        self.seen: set[tuple[str, EndpointState]] = set()
        """How each endpoint was seen to fare after any step."""
        self.endpoints = Endpoints(nodes, chain_id=CHAIN_ID, clock=self.clock)
        self.follower = Follower(
            self.endpoints,
            self.mirror,
            chain_id=CHAIN_ID,
            escrow=ESCROW,
            deployed_at_block=deployed_at,
            finality=rule,
            clock=self.clock,
        )

    def catch_up(self) -> None:
        """Step until there is nothing new; what fails is tried again later, as `run` does."""
        quiet = 0
        for _ in range(400):
            try:
                quiet = 0 if self.follower.step() else quiet + 1
            except (Unavailable, ChainDisagrees):
                quiet = 0
            self.seen |= {(each.name, each.state) for each in self.endpoints.reports()}
            self.clock.now += 1
            if quiet == 2:
                return
        raise AssertionError(f"it never comes to rest: {self.follower.status()}, {self.endpoints.reports()}")

    def report(self, name: str) -> EndpointReport:
        """Return how one endpoint fares."""
        return next(each for each in self.endpoints.reports() if each.name == name)

    def believed(self) -> list[Any]:
        """Return what the mirror holds: block hash, log index, event."""
        return [(key[0], key[1], log.event) for key, log in self.mirror.logs.items()]

"""Whatever a chain and a node do above finality, the mirror comes to hold the canonical chain, each log once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from earnest.chain.errors import MalformedAnswer, NodeTimeout, NodeUnavailable, RpcError
from earnest.chain.follower import Follower
from earnest.payment.errors import ChainDisagrees, EarnestError, Unavailable
from earnest.settings import FinalityRule
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import CHAIN_ID, ESCROW, delivery

FINALITY_DEPTH = 4
FAULTS = (
    NodeUnavailable("fake", "cannot be reached"),
    NodeTimeout("fake", "did not answer"),
    MalformedAnswer("fake", "sent something else"),
    RpcError("any", -32005, "limit exceeded"),
    RpcError("any", -32000, "header not found"),
)


class KilledError(Exception):
    """The process died here."""


class FollowerMachine(RuleBasedStateMachine):
    """A chain that mines and reorganises, a node that fails and goes back, a process that dies: then all is well."""

    @initialize(
        deployed_at=st.integers(0, 6),
        range_limit=st.none() | st.integers(1, 5),
        by_tag=st.booleans(),
    )
    def begin(self, deployed_at: int, range_limit: int | None, by_tag: bool) -> None:
        self.node = FakeNode(ESCROW, finality_depth=FINALITY_DEPTH, range_limit=range_limit)
        self.mirror = FakeMirror(self._die_in_take)
        self.deployed_at = deployed_at
        self.finality = FinalityRule(tag="finalized") if by_tag else FinalityRule(depth_blocks=FINALITY_DEPTH)
        self.events = 0
        self.highest = 0
        self.faults: list[EarnestError | None] = []
        self.silent: list[bool] = []
        self.dies: list[bool] = []
        self.node.faults = self._fault
        self.node.tamper = self._tamper
        self.start()

    def _die_in_take(self, _done: bool) -> None:
        if self.dies and self.dies.pop(0):
            raise KilledError

    def _fault(self, _method: str, _params: Sequence[Any]) -> EarnestError | None:
        return self.faults.pop(0) if self.faults else None

    def _tamper(self, method: str, _params: Sequence[Any], result: Any) -> Any:
        return [] if method == "eth_getLogs" and self.silent and self.silent.pop(0) else result

    def _events(self, count: int) -> list[Any]:
        self.events += count
        return [delivery(self.events - back) for back in range(count)]

    @rule()
    def start(self) -> None:
        self.follower = Follower(
            self.node,
            self.mirror,
            chain_id=CHAIN_ID,
            escrow=ESCROW,
            deployed_at_block=self.deployed_at,
            finality=self.finality,
        )

    @rule(counts=st.lists(st.integers(0, 3), min_size=1, max_size=8))
    def mine(self, counts: list[int]) -> None:
        for count in counts:
            self.node.mine(*self._events(count))
        self.highest = max(self.highest, self.node.head.number)

    @rule(depth=st.integers(1, FINALITY_DEPTH), counts=st.lists(st.integers(0, 2), min_size=1, max_size=6))
    def reorg(self, depth: int, counts: list[int]) -> None:
        # Without a new branch nobody could tell a reorg from a node that is behind. And a chain never loses what
        # was final at its highest, however short the new branch is.
        depth = min(depth, self.node.head.number - max(self.node.finalized, self.highest - FINALITY_DEPTH, 0))
        if depth > 0:
            self.node.reorg(depth, [self._events(count) for count in counts])
            self.highest = max(self.highest, self.node.head.number)

    @rule(depth=st.integers(1, 9), steps=st.integers(1, 3))
    def go_back(self, depth: int, steps: int) -> None:
        bring_back = self.node.go_back(depth)
        for _ in range(steps):
            self.step()
        bring_back()

    @rule(faults=st.lists(st.none() | st.sampled_from(FAULTS), max_size=12))
    def fail(self, faults: list[EarnestError | None]) -> None:
        self.faults = faults

    @rule(good=st.integers(0, 6))
    def answer_nothing_once(self, good: int) -> None:
        self.silent = [False] * good + [True]

    @rule(good=st.integers(0, 3))
    def kill(self, good: int) -> None:
        self.dies = [False] * good + [True]

    @rule()
    def step(self) -> None:
        try:
            self.follower.step()
        except (Unavailable, ChainDisagrees):
            pass
        except KilledError:
            self.start()

    @precondition(lambda self: self.mirror.blocks)
    @rule()
    def converge(self) -> None:
        self._catch_up()
        assert self.mirror.blocks[-1] == self.node.head

    @invariant()
    def everything_accepted_is_or_was_the_chain(self) -> None:
        if hasattr(self, "mirror"):
            final = [block for block in self.mirror.blocks if block.number <= self.mirror.final_number]
            canonical = {each.block for each in self.node.blocks}
            assert all(block in canonical or block.number > self.node.head.number for block in final)

    def teardown(self) -> None:
        if hasattr(self, "mirror"):
            self._catch_up()
            told = [(key[0], key[1], log.event) for key, log in self.mirror.logs.items()]
            early = {each.block.hash for each in self.node.blocks if each.block.number < self.deployed_at}
            assert told == [each for each in self.node.chain_events() if each[0] not in early]

    def _catch_up(self) -> None:
        self.faults, self.silent, self.dies = [], [], []
        for _ in range(1_000):
            try:
                if not self.follower.step():
                    return
            except (Unavailable, ChainDisagrees) as error:
                raise AssertionError(f"a healthy node, and still: {error!r}") from error
        raise AssertionError("it never comes to rest")


FollowerMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestFollower = FollowerMachine.TestCase

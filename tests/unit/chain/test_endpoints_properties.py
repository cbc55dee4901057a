"""Three endpoints, one of which serves a chain of its own, while the honest ones misbehave in turn, in every known way.

Nothing that is not on the honest chain is ever final in the mirror, and at the end it holds the honest chain.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from earnest.payment.errors import ChainDisagrees, Unavailable
from earnest.settings import FinalityRule
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, delivery
from tests.unit.chain.several import Gate, Several
from tests.unit.chain.test_endpoints import WAYS

FINALITY_DEPTH = 4


class EndpointsMachine(RuleBasedStateMachine):
    """An honest chain behind two gates, and a liar who forks off, mines his own blocks and sometimes comes back."""

    @initialize(by_tag=st.booleans(), liar_first=st.booleans())
    def begin(self, by_tag: bool, liar_first: bool) -> None:
        self.chain = FakeNode(ESCROW, finality_depth=FINALITY_DEPTH)
        self.events = 0
        for _ in range(6):
            self.chain.mine(*self._events(1))
        self.gates = [Gate(self.chain, "one"), Gate(self.chain, "two")]
        self.liar = self.chain.fork("liar")
        nodes = [self.liar, *self.gates] if liar_first else [*self.gates, self.liar]
        rule_ = FinalityRule(tag="finalized") if by_tag else FinalityRule(depth_blocks=FINALITY_DEPTH)
        self.several = Several(*nodes, rule=rule_)
        self.highest = self.chain.head.number

    def _events(self, count: int) -> list[Any]:
        self.events += count
        return [delivery(self.events - back) for back in range(count)]

    @rule(counts=st.lists(st.integers(0, 2), min_size=1, max_size=9))
    def mine(self, counts: list[int]) -> None:
        for count in counts:
            self.chain.mine(*self._events(count))
        self.highest = max(self.highest, self.chain.head.number)

    @rule(depth=st.integers(1, FINALITY_DEPTH), counts=st.lists(st.integers(0, 2), min_size=1, max_size=6))
    def reorg(self, depth: int, counts: list[int]) -> None:
        depth = min(depth, self.chain.head.number - max(self.chain.finalized, self.highest - FINALITY_DEPTH, 0))
        if depth > 0:
            self.chain.reorg(depth, [self._events(count) for count in counts])
            self.highest = max(self.highest, self.chain.head.number)

    @rule(counts=st.lists(st.integers(0, 2), min_size=1, max_size=12))
    def lie(self, counts: list[int]) -> None:
        for count in counts:
            self.liar.mine(*self._events(count))

    @rule(at=st.integers(1, 20))
    def lie_from_here(self, at: int) -> None:
        """The liar takes the honest chain up to a block, and goes his own way from there."""
        self.liar.blocks = list(self.chain.blocks[: max(1, len(self.chain.blocks) - at)])
        self.liar._known.update(self.chain._known)

    @rule(which=st.integers(0, 1), way=st.sampled_from(sorted(WAYS)))
    def spoil(self, which: int, way: str) -> None:
        """One honest endpoint at a time: where both are away, whoever is left is believed, and we say so."""
        self.heal()
        WAYS[way][0](self.gates[which])

    @rule()
    def heal(self) -> None:
        for gate in self.gates:
            gate.faults, gate.tamper = None, None

    @rule(seconds=st.integers(1, 4_000))
    def wait(self, seconds: int) -> None:
        self.several.clock.now += seconds

    @rule(times=st.integers(1, 4))
    def step(self, times: int) -> None:
        for _ in range(times):
            with suppress(Unavailable, ChainDisagrees):
                self.several.follower.step()
            self.several.clock.now += 1

    @invariant()
    def nothing_final_is_a_lie(self) -> None:
        if hasattr(self, "several"):
            mirror = self.several.mirror
            honest = set(self.chain._known)
            final = [block for block in mirror.blocks if block.number <= mirror.final_number]
            assert all(block.hash in honest for block in final)

    def teardown(self) -> None:
        if hasattr(self, "several"):
            self.heal()
            self.chain.mine_empty(12)  # whoever did nothing but stand still is behind now
            self.several.clock.now += 8_000
            self.several.catch_up()
            self.several.clock.now += 8_000
            self.several.catch_up()
            assert self.several.mirror.blocks[-1] == self.chain.head
            assert self.several.believed() == [
                each for each in self.chain.chain_events() if each[0] != self.chain.blocks[0].block.hash
            ]


EndpointsMachine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestEndpoints = EndpointsMachine.TestCase

"""The endpoints of one chain: whom to ask, who is set aside and why, and what they agree on.

As a `Node` it answers whatever a single endpoint would, and goes to the next one when one is away. The follower takes
one endpoint for each of its steps, so that it never mixes two views of the chain.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from earnest.chain.background import Background, at_once
from earnest.chain.errors import ChainMismatch, GenesisChanged, NodeBehind, NodeUnavailable
from earnest.chain.header_hash import RawHeader, fits_its_hash
from earnest.chain.health import ALARMING, EndpointReport, EndpointState, Health, mildest
from earnest.chain.node import NOT_REPEATED, Call, Header, Node, header_call
from earnest.chain.updates import Block
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Hash32

log = logging.getLogger(__name__)
T = TypeVar("T")

BEHIND_BLOCKS: Final = 5
"""Nodes that are well hear of a block within seconds of each other; five are more than that on every chain we know."""

ASKED_FOR_CHAIN: Final = 3
"""A gateway before many nodes can take a wrong turn, and where there is one endpoint this would end the following."""


@dataclass(eq=False)
class Endpoint:
    """One endpoint and what it told last. `greeted`: its chain id and genesis are the right ones."""

    node: Node
    health: Health
    greeted: bool = False
    head: Block | None = None
    highest: int = -1
    """The highest head it ever told, until it was set aside for having gone back."""
    final_number: int | None = None
    vouched: tuple[int, Block] | None = None
    """Up to which number it holds final what we accepted, and the block by which it showed that."""
    denied: tuple[Block, Hash32] | None = None
    """A block of ours that should be final, and what this endpoint holds final in its place."""
    witnessed: Block | None = None
    """The newest block that it was asked about."""
    next_look_at: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """The host, and a number where several endpoints share it."""
        return self.health.name


class Endpoints(Node):
    """The endpoints of one chain, in the order in which the host prefers them; safe to be used by many threads.

    Args:
        nodes: at least one.
        chain_id: the chain that all must be on.
        clock: wall time in Unix seconds.
        background: where endpoints that are not followed are looked at.
        behind_blocks: who is so many blocks behind the others is set aside.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        *,
        chain_id: int,
        clock: Callable[[], float] = time.time,
        background: Background = at_once,
        behind_blocks: int = BEHIND_BLOCKS,
    ) -> None:
        if not nodes:
            raise ValueError("a chain needs an endpoint")
        self._chain_id = chain_id
        self.clock = clock
        self.background = background
        self._behind_blocks = behind_blocks
        self._lock = threading.RLock()
        self._anchor = threading.local()
        self.genesis: Hash32 | None = None
        """The first block of the chain that is followed, once it is known."""
        self.recomputed: bool | None = None
        """Whether the hashes of this chain's headers are recomputed; None: no header was seen yet."""
        self.disputes = 0
        """How often it could not be known which endpoint is wrong."""
        self.all = [Endpoint(node, Health(name, clock())) for node, name in zip(nodes, _names(nodes), strict=True)]
        self.endpoint = ", ".join(each.name for each in self.all)

    # As one node.

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        """Ask one thing, of the next endpoint if the first is away."""
        return self._somewhere(lambda node: node.call(method, params, into), repeatable=method not in NOT_REPEATED)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Ask many things, all of one endpoint."""
        repeatable = not any(each.method in NOT_REPEATED for each in calls)
        return self._somewhere(lambda node: node.batch(calls), repeatable=repeatable)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep to one endpoint in here; when that one fails, so does what is asked, and the next turn takes another."""
        if self._anchored() is not None:
            yield
            return
        self._anchor.endpoint = self.candidates()[0]
        try:
            yield
        finally:
            self._anchor.endpoint = None

    def rest(self, in_vain: int) -> None:
        """Wait as an endpoint does."""
        self.all[0].node.rest(in_vain)

    def close(self) -> None:
        """Close all connections."""
        for each in self.all:
            each.node.close()

    def __repr__(self) -> str:
        return f"Endpoints({self.endpoint})"

    def _anchored(self) -> Endpoint | None:
        anchored: Endpoint | None = getattr(self._anchor, "endpoint", None)
        return anchored

    def _somewhere(self, ask: Callable[[Node], T], *, repeatable: bool) -> T:
        anchored = self._anchored()
        problems: list[EarnestError] = []
        for one in [anchored] if anchored else self.candidates():
            try:
                if not one.greeted:
                    self.greet(one)
            except EarnestError as error:
                self.blame(one, error)
                problems.append(error)
                continue
            try:
                answer = ask(one.node)
            except NodeUnavailable as error:
                self.blame(one, error)
                problems.append(error)
                if not repeatable:
                    break
            else:
                if one.health.state in (EndpointState.NEW, EndpointState.AWAY):
                    self.praise(one, proven=False)  # of anything else a single answer says nothing
                return answer
        raise mildest(problems)

    # For the follower.

    def reports(self) -> list[EndpointReport]:
        """Return how each endpoint fares; may be called from any thread."""
        with self._lock:
            return [_report(each) for each in self.all]

    def candidates(self) -> list[Endpoint]:
        """Return who may be asked now, best first; never empty.

        Who lied is asked only where nobody else is left, or once a look at it went well.
        """
        with self._lock:
            usable = [each for each in self.all if each.health.in_use]
            honest = [each for each in self.all if each.health.trusted and not each.health.in_use]
            due = [each for each in honest if each.health.is_due(self.clock())]
            return [*usable, *due] or honest or list(self.all)

    def others(self, one: Endpoint) -> list[Endpoint]:
        """Return the endpoints beside this one that never told anything wrong, as far as is known."""
        with self._lock:
            return [each for each in self.all if each is not one and each.health.trusted]

    def greet(self, one: Endpoint) -> Block:
        """Make sure that an endpoint is on the right chain, and return its first block.

        Raises:
            ChainMismatch, GenesisChanged: it is not.
        """
        # First of all and alone, since of a stranger nothing else can be expected.
        for times in range(ASKED_FOR_CHAIN, 0, -1):
            try:
                self.check_chain(one, one.node.call(*Call("eth_chainId", (), str)))
                break
            except ChainMismatch:
                if times == 1:
                    raise
        if self.recomputed:
            return self._check_genesis(one, one.node.header(0))
        genesis, latest = one.node.gather([header_call(0), header_call("latest")])
        self._learn_form(one, latest)
        return self._check_genesis(one, one.node.as_header(genesis))

    def recognise(self, one: Endpoint, chain_id: object, genesis: Header | None) -> Block:
        """Return the first block that an endpoint told along with its chain id; what is wrong is asked for again."""
        try:
            self.check_chain(one, chain_id)
            return self._check_genesis(one, genesis)
        except (ChainMismatch, GenesisChanged):
            one.greeted = False
            return self.greet(one)

    def _learn_form(self, one: Endpoint, latest: RawHeader | None) -> None:
        """Find out from one header whether this chain's can be recomputed; one that can shows it for all endpoints.

        It cannot be shown falsely: nobody finds other fields that hash to a block's hash.
        """
        if latest is None:
            return
        if not fits_its_hash(latest):
            if self.recomputed is None:
                log.warning("headers of chain %d as %s tells them are in no known form", self._chain_id, one.name)
                self.recomputed = False
            return
        for each in self.all:
            each.node.recomputes = True
        self.recomputed = True

    def _check_genesis(self, one: Endpoint, genesis: Header | None) -> Block:
        if genesis is None:
            raise NodeBehind(f"the node at {one.name} does not have the first block")
        if self.genesis is not None and genesis.block.hash != self.genesis:
            raise GenesisChanged(self._chain_id, self.genesis, genesis.block.hash)
        one.greeted = True
        return genesis.block

    def check_chain(self, one: Endpoint, told: object) -> None:
        """Check the chain id that an endpoint told; raises `ChainMismatch`."""
        chain_id = one.node.quantity(told)
        if chain_id != self._chain_id:
            raise ChainMismatch(one.name, self._chain_id, chain_id)

    def heard(self, one: Endpoint, head: Block, final_number: int) -> None:
        """Note an endpoint's head and newest final number."""
        with self._lock:
            one.head, one.final_number = head, final_number
            one.highest = max(one.highest, head.number)

    def check_head(self, one: Endpoint, head: Block) -> None:
        """Set an endpoint aside if its head does not do.

        Raises:
            NodeBehind: it does not, and there is another endpoint to go to.
        """
        with self._lock:
            reference = self._reference(one)
            if one.highest - head.number >= self._behind_blocks:
                reason = f"its head went back from block {one.highest} to {head.number}"
                self._set_aside(one, EndpointState.WENT_BACK, reason)
                one.highest = head.number
            elif reference - head.number >= self._behind_blocks:
                reason = f"its head is block {head.number}, and others have block {reference}"
                self._set_aside(one, EndpointState.BEHIND, reason)
            else:
                return
            if any(each.health.in_use for each in self.others(one)):
                raise NodeBehind(f"{one.name}: {reason}")

    def praise(self, one: Endpoint, *, proven: bool) -> None:
        """Note that an endpoint answered, and that it fits. What it did before is shown for its whole time.

        `proven`: something was told and believed; only that takes doubts away.
        """
        with self._lock:
            before = one.health.state
            answers_again = one.health.in_use or before is EndpointState.AWAY
            if not answers_again and not one.health.is_due(self.clock()):
                return
            if one.health.well(self.clock(), proven=proven) and before is not EndpointState.NEW:
                log.warning("the endpoint %s of chain %d is well again (%s)", one.name, self._chain_id, before)

    def blame(self, one: Endpoint, error: EarnestError) -> None:
        """Note that an endpoint failed; whether it is set aside for that depends on what and how often."""
        with self._lock:
            one.greeted = False  # whoever answers next may be another
            if one.health.failed(error, self.clock()):
                self._tell(one, str(error))

    def set_aside(self, one: Endpoint, state: EndpointState, reason: str) -> None:
        """Set an endpoint aside."""
        with self._lock:
            one.greeted = False
            self._set_aside(one, state, reason)

    def note_dispute(self, names: Iterable[str]) -> None:
        """Count that it cannot be known which of these endpoints is wrong."""
        with self._lock:
            self.disputes += 1
            for each in self.all:
                if each.name in names:
                    each.health.alarms["disagrees"] = each.health.alarms.get("disagrees", 0) + 1

    def _set_aside(self, one: Endpoint, state: EndpointState, reason: str) -> None:
        if one.health.set_aside(state, reason, self.clock()):
            self._tell(one)

    def _tell(self, one: Endpoint, words: str | None = None) -> None:
        """Log that an endpoint is set aside; `words` are a node's own, which only the log shows."""
        level = logging.ERROR if one.health.state in ALARMING else logging.WARNING
        told = "the endpoint %s of chain %d is set aside (%s): %s"
        log.log(level, told, one.name, self._chain_id, one.health.state, words or one.health.reason)

    def _reference(self, one: Endpoint) -> int:
        """Return the head that the others have reached: with two and more of them, one alone cannot run ahead."""
        others = [each for each in self.others(one) if each.health.state is not EndpointState.AWAY]
        heads = sorted((each.head.number if each.head else -1 for each in others), reverse=True)
        return heads[min(1, len(heads) - 1)] if heads else -1


def _names(nodes: Sequence[Node]) -> list[str]:
    """Return a name for each node that no other has, and give it to the node, which uses it in its errors."""
    seen: dict[str, int] = {}
    for node in nodes:
        number = seen[node.endpoint] = seen.get(node.endpoint, 0) + 1
        if number > 1:
            node.endpoint = f"{node.endpoint}#{number}"
    return [node.endpoint for node in nodes]


def _report(one: Endpoint) -> EndpointReport:
    health = one.health
    return EndpointReport(
        name=one.name,
        state=health.state,
        reason=health.reason,
        since=health.since,
        head=one.head.number if one.head else None,
        head_time=one.head.timestamp if one.head else None,
        final=one.final_number if one.final_number is not None and one.final_number >= 0 else None,
        failures=health.failures,
        alarms=dict(health.alarms),
        next_look_at=health.aside_until,
    )

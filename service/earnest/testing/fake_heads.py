"""A node that tells of its heads, without a socket: tell, stay silent, send anything, hang up, refuse.

It stands at the port `earnest.chain.listener.Connect`.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Condition

from earnest.chain.errors import SubscriptionLost
from earnest.chain.listener import Wire
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import Hash32
from earnest.testing.fault_plans import FaultPlan
from earnest.testing.faulty_heads import heads_told

SUBSCRIPTION = "0x9cef478923ff08bf67fde6c64013158d"


def answer_to(question: str, chain_id: int, error: str | None = None) -> str:
    """Return what a node answers to a question for its chain id or for a subscription."""
    asked = json.loads(question)
    answer = {"jsonrpc": "2.0", "id": asked["id"]}
    if asked["method"] == "eth_chainId":
        return json.dumps({**answer, "result": hex(chain_id)})
    if error is not None:
        return json.dumps({**answer, "error": {"code": -32601, "message": error}})
    return json.dumps({**answer, "result": SUBSCRIPTION})


def head_message(number: int, block_hash: Hash32, subscription: str = SUBSCRIPTION) -> str:
    """Return what a node sends for a new block; of the header only what anyone reads here."""
    head = {"number": hex(number), "hash": block_hash, "parentHash": "0x" + "00" * 32}
    params = {"subscription": subscription, "result": head}
    return json.dumps({"jsonrpc": "2.0", "method": "eth_subscription", "params": params})


@dataclass
class FakeHeads:
    """Opens connections, each as the node is at that time.

    Args:
        chain_id: what it says that it is on.
        refusal: what it answers to a subscription, if not with one.
        trouble: raised instead of opening a connection.
        plan: which faults befall what is told; none by default.
    """

    chain_id: int
    refusal: str | None = None
    trouble: EarnestError | None = None
    plan: FaultPlan = field(default_factory=FaultPlan)
    opened: int = 0
    """How many connections were opened so far."""
    asked: list[str] = field(default_factory=list)
    """Under which names."""
    _lines: list[_Line] = field(default_factory=list)
    _changed: Condition = field(default_factory=Condition)

    @contextmanager
    def connect(self, url: str, name: str) -> Generator[Wire]:  # noqa: ARG002
        """Open a connection."""
        with self._changed:
            self.asked.append(name)
            if self.trouble is not None:
                self._changed.notify_all()
                raise self.trouble
            line = _Line(self, name)
            self._lines.append(line)
            self.opened += 1
            self._changed.notify_all()
        try:
            yield line
        finally:
            with self._changed:
                self._lines.remove(line)
                self._changed.notify_all()

    def tell(self, number: int, block_hash: Hash32) -> None:
        """Tell everyone who listens of a block, as the plan has it."""
        for told in heads_told(self.plan, number, block_hash):
            if told is None:
                self.hang_up()
            else:
                self.send(head_message(*told) if isinstance(told, tuple) else told)

    def send(self, message: str | bytes) -> None:
        """Send anything to everyone who listens."""
        with self._changed:
            for line in self._lines:
                line.messages.put(message)

    def hang_up(self) -> None:
        """Close all connections."""
        with self._changed:
            for line in self._lines:
                line.messages.put(None)

    def wait_for(self, *, opened: int | None = None, listening: int | None = None, seconds: float = 5.0) -> None:
        """Wait until so many connections were opened or are open; raises `TimeoutError`."""

        def is_so() -> bool:
            subscribed = sum(line.subscribed for line in self._lines)
            return (opened is None or self.opened >= opened) and (listening is None or subscribed == listening)

        with self._changed:
            if not self._changed.wait_for(is_so, seconds):
                raise TimeoutError(f"{self.opened} connections were opened, and {len(self._lines)} are open")

    def subscribed(self, line: _Line) -> None:
        """Note that a connection has its subscription."""
        with self._changed:
            line.subscribed = True
            self._changed.notify_all()


class _Line:
    def __init__(self, node: FakeHeads, name: str) -> None:
        self._node, self._name = node, name
        self.messages: SimpleQueue[str | bytes | None] = SimpleQueue()
        self.subscribed = False

    def send(self, message: str) -> None:
        self.messages.put(answer_to(message, self._node.chain_id, self._node.refusal))
        if "eth_subscribe" in message:
            self._node.subscribed(self)

    def receive(self, seconds: float) -> str | bytes | None:
        try:
            message = self.messages.get(timeout=seconds)
        except Empty:
            return None
        if message is None:
            raise SubscriptionLost(self._name, "closed the connection for new heads")
        return message

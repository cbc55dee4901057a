"""A node as it would answer if a given block were its newest, so that a replay ends exactly there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from earnest.chain.endpoints import Endpoints
from earnest.chain.errors import MalformedAnswer
from earnest.chain.later import Later
from earnest.chain.node import Call, Node
from earnest.settings import FinalityRule

FINALITY: Final = FinalityRule(tag="finalized")
"""The rule for whoever follows a clipped node: it says itself what is final."""


def clip(node: Node, chain_id: int, head: int, final: int) -> Node:
    """Return the node up to a block; where it is several endpoints each is, so that they still vouch for each other."""
    if not isinstance(node, Endpoints):
        return ClippedNode(node, head, final)
    return Endpoints(
        [ClippedNode(each.node, head, final) for each in node.all], chain_id=chain_id, background=node.background
    )


class ClippedNode(Node):
    """Another node, up to a block.

    Args:
        node: who is asked.
        head: the newest block's number that is told of.
        final: the newest final block's number, -1 for none.
    """

    def __init__(self, node: Node, head: int, final: int) -> None:
        self._node, self._head, self._final = node, head, final
        self.endpoint = node.endpoint

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        """Ask the node, with the tags meaning our blocks."""
        asked = self._clipped(Call(method, params, into))
        return None if asked is None else self._node.call(*asked)

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Ask the node many things, with the tags meaning our blocks."""
        return self.batch_later(calls)()

    def call_later(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Later[Any]:
        """Ask as `call` does; the question travels as the node lets it."""
        asked = self._clipped(Call(method, params, into))
        return Later(lambda: None) if asked is None else self._node.call_later(*asked)

    def batch_later(self, calls: Sequence[Call]) -> Later[list[Any]]:
        """Ask as `batch` does; the questions travel as the node lets them."""
        clipped = [self._clipped(each) for each in calls]
        later = self._node.batch_later([each for each in clipped if each is not None])

        def in_place(told: list[Any]) -> list[Any]:
            answers = iter(told)
            return [None if each is None else next(answers) for each in clipped]

        return later.then(in_place)

    def _clipped(self, asked: Call) -> Call | None:
        """Return what to ask instead; None for a block that there is not."""
        if asked.method != "eth_getBlockByNumber":
            return asked
        at = asked.params[0]
        if at == "finalized":
            return None if self._final < 0 else asked._replace(params=(hex(self._final), *asked.params[1:]))
        if at == "latest":
            return asked._replace(params=(hex(self._head), *asked.params[1:]))
        if not at.startswith("0x"):
            raise MalformedAnswer(self.endpoint, f"is asked up to a block only, and not for {at!r}")
        return asked

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Keep to one endpoint, where there are several."""
        with self._node.turn():
            yield

    def rest(self, in_vain: int) -> None:
        """Wait as the node does."""
        self._node.rest(in_vain)

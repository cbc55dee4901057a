"""A node without a wire: what answers questions in this process, one after the other."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import msgspec

from earnest.chain.errors import MalformedAnswer, RpcError
from earnest.chain.node import Call, Node


class OneByOneNode(Node):
    """The port of a node, for those who have answers as plain values."""

    @abstractmethod
    def answer(self, method: str, params: Sequence[Any]) -> Any:
        """Answer one question; raises `RpcError`, or whatever else a node's answer can end in."""

    def call(self, method: str, params: Sequence[Any] = (), into: Any = Any) -> Any:
        """Ask one thing; the result has the type `into`."""
        result = self.answer(method, params)
        try:
            return msgspec.convert(result, into)
        except msgspec.ValidationError as problem:
            raise MalformedAnswer(self.endpoint, str(problem)) from None

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Ask many things, one after the other."""
        return [self._one(each) for each in calls]

    def _one(self, asked: Call) -> Any:
        try:
            return self.call(*asked)
        except RpcError as error:
            return error

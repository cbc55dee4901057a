"""Answers of absurd size or sign, wherever a text stands in them: they are a node's fault, never one of ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest

from earnest.payment.errors import EarnestError
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, refund
from tests.unit.chain.several import Gate, Several

ABSURD = {
    "negative": "-0x1",
    "negative and as long as a hash": "-0x" + "1" * 63,
    "256 bits": "0x" + "f" * 64,
    "a hundred thousand digits": "0x" + "f" * 100_000,
    "zero bytes": "\x00" * 66,
}
METHODS = ("eth_chainId", "eth_getBlockByNumber", "eth_getLogs", "eth_getBlockReceipts")


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return where each text stands in an answer, each place of a list once."""
    match value:
        case str():
            yield way
        case dict():
            for name, each in value.items():
                yield from places(each, (*way, name))
        case [first, *_]:
            yield from places(first, (*way, 0))


def replaced(value: Any, way: tuple[Any, ...], text: str) -> Any:
    if not way:
        return text
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[way[0]] = replaced(copy[way[0]], way[1:], text)
    return copy


class Absurd:
    """Puts a text into one place of each answer to a method; knows how many places the largest answer has."""

    def __init__(self, method: str, text: str, at: int) -> None:
        self._method, self._text, self._at = method, text, at
        self.places = 0

    def __call__(self, method: str, _params: Sequence[Any], result: Any) -> Any:
        if method != self._method or not result:
            return result
        ways = list(places(result))
        self.places = max(self.places, len(ways))
        return replaced(result, ways[self._at % len(ways)], self._text)


@pytest.mark.parametrize("seals", [True, False], ids=["headers recomputed", "headers taken"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("text", ABSURD.values(), ids=ABSURD.keys())
def test_an_absurd_text_in_any_place_of_an_answer_stops_nobody(method: str, text: str, seals: bool) -> None:
    """Whoever tells it is asked in vain; nothing wrong is written, and once it tells the truth it is followed."""
    at, count = 0, 1
    while at < count:
        node = FakeNode(ESCROW, seals=seals)
        gate = Gate(node, "only")
        several = Several(gate)
        node.mine(refund(1))
        if method != "eth_chainId":  # which is asked for at the beginning
            several.catch_up()
        gate.tamper = absurd = Absurd(method, text, at)
        node.mine(refund(1), refund(2))
        for _ in range(3):
            with suppress(EarnestError):
                several.follower.step()
            several.clock.now += 1
        assert set(several.believed()) <= set(node.chain_events())
        gate.tamper = None
        several.clock.now += 4_000
        several.catch_up()
        assert several.believed() == node.chain_events()
        at, count = at + 1, absurd.places

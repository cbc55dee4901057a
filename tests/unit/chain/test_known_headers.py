"""Given a header that was told and checked before, when it is told again, then only the very same words will do."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from earnest.chain.errors import HeaderForged
from earnest.chain.header_hash import RawHeader
from earnest.chain.known_headers import LONGEST_BYTES, REMEMBERED, KnownHeaders
from earnest.chain.node import Header, header_call
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW, delivery


class Checking(FakeNode):
    """Counts the headers that are checked."""

    checks = 0

    def as_header(self, raw: RawHeader | None) -> Header | None:
        self.checks += 1
        return super().as_header(raw)


@pytest.fixture
def node() -> Checking:
    made = Checking(ESCROW)
    made.recomputes = True
    return made


def told(node: Checking, number: int) -> RawHeader:
    raw: RawHeader = node.call(*header_call(number))
    return raw


def test_the_same_words_are_checked_once(node: Checking) -> None:
    known = KnownHeaders(node)
    block = node.mine(delivery(1))
    first = known.header(told(node, block.number))
    assert first is not None
    assert first.block == block
    assert known.header(told(node, block.number)) is first
    assert node.checks == 1


@pytest.mark.parametrize("field", ["logs_bloom", "receipts_root", "timestamp", "parent_hash", "state_root"])
def test_a_known_hash_on_other_words_is_a_forgery(node: Checking, field: str) -> None:
    known = KnownHeaders(node)
    raw = told(node, node.mine(delivery(1)).number)
    known.header(raw)
    text = getattr(raw, field)
    with pytest.raises(HeaderForged):
        known.header(replace(raw, **{field: text[:-1] + ("1" if text[-1] != "1" else "2")}))
    assert known.header(raw) is not None


def test_what_was_taken_as_it_was_told_is_checked_once_headers_can_be(node: Checking) -> None:
    node.recomputes = False
    known = KnownHeaders(node)
    raw = replace(told(node, node.mine(delivery(1)).number), logs_bloom="0x" + "0" * 512)
    assert known.header(raw) is not None
    node.recomputes = True
    with pytest.raises(HeaderForged):
        known.header(raw)


def test_only_the_last_ones_are_remembered(node: Checking) -> None:
    known = KnownHeaders(node)
    node.mine_empty(REMEMBERED + 1)
    for number in range(1, REMEMBERED + 2):
        known.header(told(node, number))
    known.header(told(node, 2))
    assert node.checks == REMEMBERED + 1
    known.header(told(node, 1))
    assert node.checks == REMEMBERED + 2


def test_no_header_is_none(node: Checking) -> None:
    assert KnownHeaders(node).header(None) is None


def test_one_that_is_as_long_as_a_node_likes_is_checked_again_instead_of_remembered(node: Checking) -> None:
    known = KnownHeaders(node)
    raw = told(node, node.mine(delivery(1)).number)
    long = replace(raw, difficulty="0x" + "0" * LONGEST_BYTES)  # no hash shows how a number is written
    for _ in range(2):
        assert known.header(long) is not None
    assert node.checks == 2

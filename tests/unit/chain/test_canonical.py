"""Which blocks count, by example; the follower's properties try the rest."""

from __future__ import annotations

import pytest

from earnest.chain.canonical import above, after, check_linked, linked, newest_shared, newly_final
from earnest.chain.errors import HeadersDisagree
from earnest.chain.node import Header
from earnest.chain.updates import Block, BlockAccepted, BlockFinal, BlocksOrphaned, ChainUpdate, Position
from earnest.payment.primitives import Hash32, hash32

GENESIS = hash32(bytes(32))


def block(number: int, branch: str = "a", parent: str | None = None) -> Block:
    return Block(number, _hash(number, branch), _hash(number - 1, parent or branch), 1_000 + number)


def _hash(number: int, branch: str) -> Hash32:
    return hash32(branch.encode() + number.to_bytes(31))


def header(number: int, branch: str = "a", parent: str | None = None) -> Header:
    return Header(block(number, branch, parent), 0, 0)


POSITION = Position(GENESIS, tuple(block(number) for number in range(3, 8)), 3)


def test_headers_count_as_far_as_each_follows_the_one_before() -> None:
    told = [header(8), header(9), header(10, "b"), header(11, "b")]
    assert linked(block(7), told) == told[:2]


def test_a_header_that_is_missing_ends_the_chain() -> None:
    assert linked(block(7), [header(8), None, header(10)]) == [header(8)]


def test_without_a_parent_the_first_header_is_taken_as_it_is() -> None:
    assert linked(None, [header(8), header(9)]) == [header(8), header(9)]


def test_a_gap_in_the_numbers_is_no_chain_even_when_the_hashes_fit() -> None:
    jump = Header(Block(10, _hash(10, "a"), block(8).hash, 0), 0, 0)
    assert linked(block(8), [jump]) == []


@pytest.mark.parametrize("told", [[header(8, "b")], [header(8), header(9, "b")], [None]])
def test_final_headers_that_do_not_link_raise(told: list[Header | None]) -> None:
    with pytest.raises(HeadersDisagree):
        check_linked(block(7), told)


def test_the_newest_shared_block_is_found_by_hash() -> None:
    told = [header(7, "b"), header(6, "b", "a"), header(5), header(4)]
    assert newest_shared(POSITION, told) == block(5)
    assert newest_shared(POSITION, [header(7, "b")]) is None


def test_what_stands_above_the_shared_block_is_orphaned_newest_first() -> None:
    assert above(POSITION, block(5)) == (block(7), block(6))
    assert above(POSITION, None) == tuple(reversed(POSITION.blocks))


@pytest.mark.parametrize(
    ("final", "expected"), [(2, None), (3, None), (4, block(4)), (7, block(7)), (90, block(7)), (-1, None)]
)
def test_only_an_accepted_block_becomes_final_and_only_once(final: int, expected: Block | None) -> None:
    assert newly_final(POSITION, final) == expected


def test_nothing_is_final_before_anything_is_accepted() -> None:
    assert newly_final(Position(GENESIS, ()), 5) is None


def test_the_position_after_a_reorg_and_finality() -> None:
    updates: list[ChainUpdate] = [
        BlocksOrphaned((block(7), block(6))),
        BlockAccepted(block(6, "b", "a")),
        BlockAccepted(block(7, "b")),
        BlockFinal(block(5)),
    ]
    assert after(POSITION, updates) == Position(GENESIS, (block(5), block(6, "b", "a"), block(7, "b")), 5)


@pytest.mark.parametrize(
    "update", [BlockAccepted(block(7)), BlocksOrphaned((block(6),)), BlockFinal(block(9)), BlockFinal(block(3))]
)
def test_updates_that_do_not_fit_the_position_raise(update: BlockAccepted | BlocksOrphaned | BlockFinal) -> None:
    with pytest.raises(HeadersDisagree):
        after(POSITION, [update])

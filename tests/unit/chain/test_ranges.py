"""What helps against a provider's refusal: the texts seen in the wild, and the size that is found by trying."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.errors import AnswerTooLarge, MalformedAnswer, NodeTimeout, NodeUnavailable, RateLimited, RpcError
from earnest.chain.ranges import PageSize, Remedy, hinted_blocks, may_pass, remedy
from earnest.payment.errors import EarnestError

UNKNOWN = ["something that nobody ever saw", ""]
TOO_MUCH = [
    "this block range should work: [0x10,0x20]",
    "Try with this block range [0x10,0x20].",
    "retry with the range 16-32",
    "range 5000 exceeds limit of 2000",
    "eth_getLogs is limited to a 10,000 range",
    "You can make eth_getLogs requests with up to a 500 block range",
    "exceed maximum block range: 5000",
    "block range is too wide (maximum 1000)",
    "requested too many blocks from 1 to 9000, maximum is set to 2048",
    "exceeds the range allowed for your plan (5000 > 500)",
    "ranges over 10000 blocks are not supported on freetier",
    "query returned more than 10000 results",
    "Log response size exceeded",
    "backend response too large",
    *UNKNOWN,
]
BEHIND = [
    "block range extends beyond current head block",
    "requested to block 99 after last accepted block 98",
    "header not found",
    "cannot query unfinalized data",
    "One of the blocks specified in filter (fromBlock, toBlock or blockHash) cannot be found.",
]


@pytest.mark.parametrize("message", TOO_MUCH)
@pytest.mark.parametrize("code", [-32005, -32602, -32600, -32000, -32614])
def test_a_range_that_is_too_large_shrinks_whatever_the_words(message: str, code: int) -> None:
    assert remedy(RpcError("eth_getLogs", code, message)) is Remedy.SHRINK


@pytest.mark.parametrize("message", TOO_MUCH)
def test_only_what_is_refused_in_unknown_words_is_asked_for_again_as_it_is(message: str) -> None:
    assert may_pass(RpcError("eth_getLogs", -32000, message)) is (message in UNKNOWN)


@pytest.mark.parametrize("message", BEHIND)
def test_a_node_behind_the_head_is_asked_again_and_then_waited_for(message: str) -> None:
    error = RpcError("eth_getLogs", -32000, message)
    assert remedy(error) is Remedy.WAIT
    assert may_pass(error)


@pytest.mark.parametrize(
    "message", ["Too Many Requests", "rate limit exceeded", "exceeded its compute units per second"]
)
def test_a_node_that_is_asked_too_often_is_waited_for(message: str) -> None:
    error = RpcError("eth_getLogs", -32005, message)
    assert remedy(error) is Remedy.WAIT
    assert not may_pass(error)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AnswerTooLarge("n", "x"), Remedy.SHRINK),
        (NodeTimeout("n", "x"), Remedy.SHRINK),
        (NodeUnavailable("n", "x"), Remedy.WAIT),
        (RateLimited("n"), Remedy.WAIT),
        (MalformedAnswer("n", "x"), Remedy.WAIT),
    ],
)
def test_what_is_no_answer_shrinks_only_if_less_would_help(error: EarnestError, expected: Remedy) -> None:
    assert remedy(error) is expected


def test_the_size_halves_down_to_one_block_and_then_gives_up() -> None:
    size = PageSize(8)
    assert [(size.shrink(size.blocks), size.blocks) for _ in range(4)] == [(True, 4), (True, 2), (True, 1), (False, 1)]


def test_a_size_that_failed_is_not_tried_again_at_once_but_after_a_while() -> None:
    size = PageSize(64)
    size.shrink(64)
    sizes = []
    for _ in range(60):
        size.grow()
        sizes.append(size.blocks)
    assert sizes[:10] == [32] * 10
    assert sizes[-1] == 64


@pytest.mark.parametrize(
    ("message", "blocks"),
    [
        ("this block range should work: [0x10,0x1f]", 16),
        ("this block range should work: [0x10, 0x1f]", 16),
        ("query returned more than 10000 results. Try with this block range [0x10, 0x1f].", 16),
        ("Log response size exceeded. this block range should work: [0x0, 0x7]", 8),
        ("retry with the range 16-31", 16),
        ("retry with the range 0x10-0x1f", 16),
        ("range 5000 exceeds limit of 2000", 2_000),
        ("range 5000 is bigger than range limit 2000", 2_000),
        ("eth_getLogs is limited to a 10,000 range", 10_000),
        ("logs are limited to a 10000 block range", 10_000),
        ("limited to 500 block", 500),
        ("You can make eth_getLogs requests with up to a 500 block range.", 500),
        ("exceed maximum block range: 5000", 5_000),
        ("exceed max block range: 5000", 5_000),
        ("block range is larger than max block range, block range = 9000, max block range = 5000", 5_000),
        ("block range is larger than max block range, block range = 9000, max = 5000", 5_000),
        ("block range is too wide (maximum 1000)", 1_000),
        ("block range too large, range: 9000, max: 5000", 5_000),
        ("maximum block range: 5000", 5_000),
        ("Max range: 5000", 5_000),
        ("query exceeds max block range 5000", 5_000),
        ("please limit the query to at most 800 blocks", 800),
        ("requested too many blocks from 1 to 9000, maximum is set to 2048", 2_048),
        ("requested too many blocks from 0x1 to 0x2328, maximum is set to 2048", 2_048),
        ("Maximum allowed number of requested blocks is 2048", 2_048),
        ("exceeds the range allowed for your plan (5000 > 500)", 500),
        ("ranges over 10000 blocks are not supported on freetier", 10_000),
        ("maximum [from, to] blocks distance: 128", 128),
    ],
)
def test_a_number_in_the_words_is_taken(message: str, blocks: int) -> None:
    assert hinted_blocks(RpcError("eth_getLogs", -32005, message)) == blocks


@pytest.mark.parametrize(
    "message",
    [
        "query returned more than 10000 results",
        "query exceeds max results 20000",
        "logs matched by query exceeds limit of 10000",
        "Log response size exceeded",
        "response size should not greater than 10000000 bytes",
        "backend response too large",
        "Block range limit exceeded",
        "block range too high",
        "no backend is currently healthy",
        "this block range should work: [0x1f, 0x10]",
        "",
    ],
)
def test_a_number_of_something_else_is_none_of_blocks(message: str) -> None:
    assert hinted_blocks(RpcError("eth_getLogs", -32005, message)) is None


@given(st.text(max_size=200))
def test_no_words_at_all_can_do_harm(message: str) -> None:
    error = RpcError("eth_getLogs", -32005, message)
    hint = hinted_blocks(error)
    size = PageSize()
    asked = size.blocks
    while size.shrink(size.blocks, hint):
        assert 1 <= size.blocks < asked
        asked = size.blocks
    assert remedy(error) in Remedy


def test_a_hint_is_followed_once_and_shrinks_all_the_same_when_it_repeats() -> None:
    size = PageSize(2_000)
    assert [(size.shrink(size.blocks, 600), size.blocks) for _ in range(3)] == [(True, 600), (True, 300), (True, 150)]

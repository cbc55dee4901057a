"""What helps against a provider's refusal: the texts seen in the wild, and the size that is found by trying."""

from __future__ import annotations

import pytest

from earnest.chain.errors import AnswerTooLarge, MalformedAnswer, NodeTimeout, NodeUnavailable, RateLimited, RpcError
from earnest.chain.ranges import PageSize, Remedy, remedy
from earnest.payment.errors import EarnestError

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
    "something that nobody ever saw",
    "",
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


@pytest.mark.parametrize("message", BEHIND)
def test_a_node_behind_the_head_is_waited_for(message: str) -> None:
    assert remedy(RpcError("eth_getLogs", -32000, message)) is Remedy.WAIT


@pytest.mark.parametrize(
    "message", ["Too Many Requests", "rate limit exceeded", "exceeded its compute units per second"]
)
def test_a_node_that_is_asked_too_often_is_waited_for(message: str) -> None:
    assert remedy(RpcError("eth_getLogs", -32005, message)) is Remedy.WAIT


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

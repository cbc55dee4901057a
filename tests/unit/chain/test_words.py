"""Given what nodes say, when an error is told in public, then no key, no markup and no flood of theirs is in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earnest.chain.errors import EndpointsDisagree, MalformedAnswer, NodeBehind, RpcError
from earnest.chain.words import MAX_CHARACTERS, plain, public_words
from earnest.payment.errors import EarnestError
from earnest.payment.primitives import hash32
from earnest.testing.fake_mirror import FakeMirror
from earnest.testing.fake_node import FakeNode
from tests.unit.chain.examples import ESCROW
from tests.unit.chain.several import Several
from tests.unit.chain.test_follower import follower

KEY = "3f9c2a7be51d4c0f8a6e5d4c3b2a1908"
EVIL = f"<script>alert(1)</script> quota of https://mainnet.example/v3/{KEY} \x1b[31m\u202e is used up " + "x" * 5_000
ERRORS: dict[str, Callable[[str], EarnestError]] = {
    "a JSON-RPC error": lambda words: RpcError("eth_getLogs", -32005, words),
    "a malformed answer": lambda words: MalformedAnswer("node.example", f"told {words!r} where a hash belongs"),
    "anything else": NodeBehind,
}


def is_fit_for_everybody(words: str) -> bool:
    return (
        KEY not in words
        and "/v3" not in words
        and not set("<>") & set(words)
        and words.isprintable()
        and len(words) <= MAX_CHARACTERS
    )


@pytest.mark.parametrize("kind", ERRORS)
def test_nothing_of_a_nodes_own_words_does_harm(kind: str) -> None:
    assert is_fit_for_everybody(public_words(ERRORS[kind](EVIL)))


def test_of_a_json_rpc_error_only_its_number_is_told() -> None:
    error = RpcError("eth_getLogs", -32005, f"project {KEY[:20]} is over its limit")
    assert public_words(error) == "eth_getLogs: the node answered with JSON-RPC error -32005; the log has its words"


def test_followers_and_endpoints_tell_it_that_way() -> None:
    node = FakeNode(ESCROW)
    node.faults = lambda method, _params: RpcError(method, -32005, EVIL) if method == "eth_getBlockByNumber" else None
    one = follower(node, FakeMirror())
    with pytest.raises(RpcError):
        one.step()
    assert is_fit_for_everybody(str(one.status().error))
    several = Several(node)
    for _ in range(4):
        with pytest.raises(RpcError):
            several.follower.step()
    assert "JSON-RPC error -32005" in str(several.report("fake").reason)
    assert is_fit_for_everybody(str(several.report("fake").reason))


def test_a_bare_key_is_cut_out_and_hashes_stay() -> None:
    block = hash32(bytes(range(32)))
    assert plain(f"key {KEY} and block {block}") == f"key [cut] and block {block}"


def test_our_own_longest_sentence_stays_whole() -> None:
    told = {f"{name}.provider.example#2": hash32(name.encode() * 32) for name in "abc"}
    error = EndpointsDisagree(123_456_789, told, outvoted=False)
    assert public_words(error) == str(error)


@given(st.text(max_size=3 * MAX_CHARACTERS))
def test_any_text_becomes_plain(text: str) -> None:
    told = plain(text)
    assert told.isprintable()
    assert not set("<>") & set(told)
    assert len(told) <= MAX_CHARACTERS

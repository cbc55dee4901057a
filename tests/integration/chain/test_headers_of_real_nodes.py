"""Given the embedded chain, anvil and eth-tester, when their headers are told, then each hashes to its hash."""

from __future__ import annotations

from earnest.chain.header_hash import HeadersAre
from earnest.testing.fake_mirror import FakeMirror
from tests.integration.chain.conftest import Town, catch_up


def test_the_headers_of_each_node_are_recomputed_while_following(town: Town) -> None:
    mirror = FakeMirror()
    town.fund(town.terms(1))
    town.mine(6)
    follower = town.follower(mirror)
    catch_up(follower)
    assert follower.status().headers is HeadersAre.RECOMPUTED
    assert town.rpc.recomputes
    head = town.rpc.header("latest")
    assert head is not None
    assert [header is not None for header in town.rpc.headers(range(head.block.number + 1))] == [True] * (
        head.block.number + 1
    )

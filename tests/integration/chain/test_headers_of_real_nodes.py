"""Given the embedded chain, anvil and eth-tester: each header hashes to its hash, and receipts to its receipts root."""

from __future__ import annotations

from earnest.chain.header_hash import HeadersAre
from earnest.chain.receipts import Receipts
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


def test_the_receipts_of_each_node_prove_the_logs_of_every_block(town: Town) -> None:
    town.fund(town.terms(2))
    town.mine(6)
    catch_up(town.follower(FakeMirror()))
    head = town.rpc.header("latest")
    assert head is not None
    headers = [header for header in town.rpc.headers(range(1, head.block.number + 1)) if header is not None]
    proven = Receipts().logs(town.rpc, headers)
    for header in headers:
        every = town.rpc.every_log_in_block(header.block.hash)
        told = [(raw.address.lower(), raw.topics, raw.data, raw.log_index, raw.transaction_hash) for raw in every]
        assert told == [
            (raw.address.lower(), raw.topics, raw.data, raw.log_index, raw.transaction_hash)
            for raw in proven[header.block.hash]
        ]
    assert sum(map(len, proven.values())) > 0

"""`eth_getLogs`, by range and by block hash."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from tests.unit.localnet.calls import TRANSFER_TOPIC, ChainCalls, address_of, word


@pytest.fixture
def transfers(node: ChainCalls) -> tuple[ChainCalls, int]:
    """Three transfers in three blocks, to the accounts 2, 3 and 2, after the block whose number is returned."""
    start = node.height()
    for amount, to in ((1, 2), (2, 3), (3, 2)):
        node.send_tokens(address_of(to), amount)
    return node, start


def amounts(node: ChainCalls, start: int, **query: Any) -> list[int]:
    wanted = {"fromBlock": hex(start + 1), "toBlock": "latest"} | query
    return [int(log["data"], 16) for log in node("eth_getLogs", wanted)]


def test_logs_come_in_the_order_of_the_chain(transfers: tuple[ChainCalls, int]) -> None:
    node, start = transfers
    assert amounts(node, start) == [1, 2, 3]
    assert amounts(node, start, fromBlock=hex(start + 2), toBlock=hex(start + 2)) == [2]
    assert amounts(node, start, fromBlock="latest") == [3]


def test_logs_are_those_of_the_receipts(transfers: tuple[ChainCalls, int]) -> None:
    node, start = transfers
    found = node("eth_getLogs", {"fromBlock": hex(start + 1), "toBlock": "latest"})
    told = [log for one in found for log in node.receipt(one["transactionHash"])["logs"]]
    assert [sorted(log.items()) for log in found] == [sorted(log.items()) for log in told]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"address": TEST_TOKEN_ADDRESS}, [1, 2, 3]),
        ({"address": TEST_TOKEN_ADDRESS.lower()}, [1, 2, 3]),
        ({"address": [address_of(0), TEST_TOKEN_ADDRESS]}, [1, 2, 3]),
        ({"address": []}, [1, 2, 3]),
        ({"address": address_of(0)}, []),
        ({"topics": []}, [1, 2, 3]),
        ({"topics": [TRANSFER_TOPIC]}, [1, 2, 3]),
        ({"topics": [None, None, word(address_of(2))]}, [1, 3]),
        ({"topics": [[TRANSFER_TOPIC, word(1)], None, [word(address_of(3)), word(7)]]}, [2]),
        ({"topics": [None, word(address_of(1)), [word(address_of(2)), word(address_of(3))]]}, [1, 2, 3]),
        ({"topics": [word(address_of(2))]}, []),
    ],
)
def test_logs_are_chosen_by_address_and_topics(
    transfers: tuple[ChainCalls, int], query: dict[str, Any], expected: list[int]
) -> None:
    node, start = transfers
    assert amounts(node, start, **query) == expected


def test_logs_of_one_block_are_asked_for_by_its_hash(transfers: tuple[ChainCalls, int]) -> None:
    node, start = transfers
    for number, amount in ((start + 1, 1), (start + 2, 2), (start + 3, 3)):
        block_hash = node.block(number)["hash"]
        (log,) = node("eth_getLogs", {"blockHash": block_hash, "address": TEST_TOKEN_ADDRESS})
        assert (log["blockHash"], int(log["data"], 16)) == (block_hash, amount)


def test_an_unknown_block_hash_is_refused(node: ChainCalls) -> None:
    assert node.error("eth_getLogs", {"blockHash": "0x" + "ab" * 32}).message == "unknown block"


def test_a_block_without_logs_has_none(node: ChainCalls) -> None:
    node("evm_mine")
    assert node("eth_getLogs", {"blockHash": node.block()["hash"]}) == []


def test_a_range_and_a_hash_together_are_refused(node: ChainCalls) -> None:
    query = {"blockHash": node.block()["hash"], "fromBlock": "0x0"}
    assert node.error("eth_getLogs", query).code == -32602


def test_a_range_backwards_is_empty(node: ChainCalls) -> None:
    node("anvil_mine", 3)
    assert node("eth_getLogs", {"fromBlock": "0x3", "toBlock": "0x1"}) == []


def test_logs_of_dropped_blocks_are_forgotten_and_those_put_back_are_there(
    transfers: tuple[ChainCalls, int],
) -> None:
    node, start = transfers
    dropped = [node.block(start + n)["hash"] for n in (2, 3)]
    # Account 2 pays in a block of the new branch; the transfers of 2 and 3 units are gone.
    again = node.signed(
        2, to=TEST_TOKEN_ADDRESS, gas=100_000, data="0xa9059cbb" + word(address_of(4))[2:] + word(40)[2:]
    )
    node("anvil_reorg", 2, [[again, 1]])
    assert amounts(node, start) == [1, 40]
    for block_hash in dropped:
        assert node.error("eth_getLogs", {"blockHash": block_hash}).message == "unknown block"
        assert node("eth_getBlockByHash", block_hash, False) is None
    assert node.height() == start + 3


def test_a_tx_put_back_has_the_same_hash_and_a_new_block(transfers: tuple[ChainCalls, int]) -> None:
    node, _ = transfers
    raw = node.signed(2, to=TEST_TOKEN_ADDRESS, gas=100_000, data="0xa9059cbb" + word(address_of(4))[2:] + word(40)[2:])
    sent = node("eth_sendRawTransaction", raw)
    old = node.receipt(sent)
    node("anvil_reorg", 1, [[raw, 0]])
    new = node.receipt(sent)
    assert new["transactionHash"] == sent
    assert new["blockNumber"] == old["blockNumber"]
    assert new["blockHash"] != old["blockHash"]
    assert new["logs"][0]["blockHash"] == new["blockHash"]


def test_four_hundred_logs_in_four_hundred_blocks_are_found_in_one_go(
    node: ChainCalls, record_property: Callable[[str, object], None]
) -> None:
    start, nonce = node.height(), node.nonce(1)
    data = "0xa9059cbb" + word(address_of(4))[2:] + word(1)[2:]
    signed = [node.signed(1, nonce=nonce + n, to=TEST_TOKEN_ADDRESS, gas=100_000, data=data) for n in range(400)]
    began = time.perf_counter()
    for raw in signed:
        node("eth_sendRawTransaction", raw)
    sending = time.perf_counter() - began
    began = time.perf_counter()
    found = node("eth_getLogs", {"fromBlock": hex(start + 1), "toBlock": "latest", "address": TEST_TOKEN_ADDRESS})
    seconds = time.perf_counter() - began
    record_property("seconds_for_400_logs", seconds)
    print(f"400 logs in 400 blocks: {seconds:.3f} s")
    numbers = [int(log["blockNumber"], 16) for log in found]
    assert len(numbers) == 400
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == node.height() - start == 400
    # A quadratic search took 24.7 s on the machine where this takes 0.1, and sending them about five.
    assert seconds < sending / 2

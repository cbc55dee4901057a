"""What only a development chain can do, in anvil's forms."""

from __future__ import annotations

import time
from itertools import pairwise

from tests.unit.localnet.calls import ChainCalls, address_of


def test_time_moves_on_by_what_is_asked(node: ChainCalls) -> None:
    before = node.time()
    node("evm_increaseTime", 86_400)
    assert node.time() == before
    node("evm_mine")
    assert abs(node.time() - max(before, int(time.time())) - 86_400) <= 10
    after = node.time()
    node.send_coin()
    assert node.time() >= after


def test_the_next_block_gets_the_time_that_is_asked_and_time_goes_on(node: ChainCalls) -> None:
    target = node.time() + 50_000
    node("evm_setNextBlockTimestamp", target)
    node.send_coin()
    assert node.time() == target
    node.send_coin()
    assert target <= node.time() <= target + 10


def test_a_block_is_mined_at_an_exact_time(node: ChainCalls) -> None:
    target = node.time() + 70_000
    assert node("evm_mine", target) == "0x0"
    assert node.time() == target


def test_time_does_not_go_back(node: ChainCalls) -> None:
    node("evm_mine")
    assert node.error("evm_setNextBlockTimestamp", 5).code == -32602
    assert node.error("evm_mine", 5).code == -32602


def test_many_blocks_are_mined_in_steps(node: ChainCalls) -> None:
    start = node.height()
    node("anvil_mine", "0x3", "0x3c")
    assert node.height() == start + 3
    times = [int(node.block(start + n)["timestamp"], 16) for n in (1, 2, 3)]
    assert all(60 <= later - earlier <= 61 for earlier, later in pairwise(times))


def test_a_reorg_replaces_blocks_by_others_of_the_same_numbers(node: ChainCalls) -> None:
    start = node.height()
    node("anvil_mine", 4)
    before = [node.block(start + n)["hash"] for n in range(5)]
    node("anvil_reorg", 2, [])
    after = [node.block(start + n)["hash"] for n in range(5)]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, True, False, False]
    assert node.block(start + 4)["parentHash"] == after[3]
    assert node.block(start + 3)["parentHash"] == before[2]
    assert node.height() == start + 4


def test_txs_of_dropped_blocks_are_gone(node: ChainCalls) -> None:
    before, nonce = node.balance(address_of(9)), node.nonce(1)
    sent = node.send_coin(value=5)
    node("anvil_reorg", 1, [])
    assert node("eth_getTransactionByHash", sent) is None
    assert node.receipt(sent) is None
    assert node.balance(address_of(9)) == before
    assert (node.nonce(1), node.nonce(1, "pending")) == (nonce, nonce)


def test_a_dropped_tx_can_be_sent_again(node: ChainCalls) -> None:
    raw = node.signed(value=5)
    sent = node("eth_sendRawTransaction", raw)
    node("anvil_reorg", 1, [])
    assert node("eth_sendRawTransaction", raw) == sent
    assert node.receipt(sent)["status"] == "0x1"


def test_txs_are_put_into_the_new_blocks_where_asked(node: ChainCalls) -> None:
    start = node.height()
    node("anvil_mine", 3)
    raw = node.signed(1, value=5)
    given = {"from": address_of(2), "to": address_of(9), "value": "0x6"}
    node("anvil_reorg", 3, [[raw, 0], [given, 2]])
    assert [len(node.block(start + n)["transactions"]) for n in (1, 2, 3)] == [1, 0, 1]


def test_a_rollback_drops_blocks_without_replacing_them(node: ChainCalls) -> None:
    start = node.block()
    sent = node.send_coin()
    node("evm_mine")
    node("anvil_rollback", 2)
    assert node.block() == start
    assert node.receipt(sent) is None


def test_depth_beyond_the_chain_is_refused(node: ChainCalls) -> None:
    assert node.error("anvil_reorg", node.height() + 1, []).code == -32602
    assert node.error("anvil_rollback", node.height() + 1).code == -32602


def test_a_snapshot_is_gone_back_to_once(node: ChainCalls) -> None:
    head = node.block()
    snapshot = node("evm_snapshot")
    sent = node.send_coin()
    assert node("evm_revert", snapshot) is True
    assert node.block() == head
    assert node.receipt(sent) is None
    assert node("evm_revert", snapshot) is False


def test_a_balance_can_be_set(node: ChainCalls) -> None:
    node("anvil_setBalance", address_of(8), "0x2a")
    assert node.balance(address_of(8)) == 42


def test_mining_by_hand_gathers_txs(node: ChainCalls) -> None:
    node("evm_setAutomine", False)
    start = node.height()
    sent = {node.send_coin(1), node.send_coin(1), node.send_coin(2)}
    assert node.height() == start
    node("evm_mine")
    assert set(node.block()["transactions"]) == sent

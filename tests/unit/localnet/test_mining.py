"""Blocks that come by themselves, finality, time, and taking blocks back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from earnest.localnet.errors import LocalnetError
from earnest.localnet.inprocess import EmbeddedChain
from tests.unit.localnet.calls import ChainCalls, address_of

PATIENCE_SECONDS = 10.0


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


@pytest.fixture
def settling() -> Iterator[ChainCalls]:
    with EmbeddedChain(settle_seconds=0.01, test_tokens=False) as chain:
        yield ChainCalls(chain.request)


def test_a_tx_becomes_final_by_itself_and_then_the_chain_rests(settling: ChainCalls) -> None:
    sent = settling.send_coin()
    number = int(settling.receipt(sent)["blockNumber"], 16)
    wait_until(lambda: settling.height() == number + 4)
    time.sleep(0.1)
    assert settling.height() == number + 4
    assert int(settling.block("finalized")["number"], 16) == number


def test_a_fresh_chain_without_txs_rests_at_once(settling: ChainCalls) -> None:
    time.sleep(0.1)
    assert settling.height() == 0


def test_blocks_asked_for_become_final_too(settling: ChainCalls) -> None:
    before = int(time.time())
    settling("evm_increaseTime", 3_600)
    settling("evm_mine")
    wait_until(lambda: settling.height() == 5)
    assert int(settling.block("finalized")["timestamp"], 16) >= before + 3_600


def test_what_replaces_dropped_blocks_becomes_final_too(settling: ChainCalls) -> None:
    settling.send_coin()
    wait_until(lambda: settling.height() == 5)
    settling("anvil_reorg", 2, [])
    wait_until(lambda: settling.height() == 9)


def test_a_chain_that_mines_by_hand_does_not_settle(settling: ChainCalls) -> None:
    settling("evm_setAutomine", False)
    settling.send_coin()
    settling("evm_mine")
    time.sleep(0.1)
    assert settling.height() == 1


def test_settling_goes_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    with EmbeddedChain(path, test_tokens=False) as chain:
        ChainCalls(chain.request).send_coin()
    with EmbeddedChain(path, settle_seconds=0.01) as chain:
        wait_until(lambda: ChainCalls(chain.request).height() == 5)


def test_interval_mining_takes_what_waits_at_its_pace() -> None:
    with EmbeddedChain(test_tokens=False) as embedded:
        chain = ChainCalls(embedded.request)
        chain("evm_setIntervalMining", 1)
        sent = chain.send_coin()
        assert chain.receipt(sent) is None
        wait_until(lambda: chain.receipt(sent) is not None)
        chain("evm_setIntervalMining", 0)
        height = chain.height()
        time.sleep(0.05)
        assert chain.height() == height


def test_safe_lies_two_and_final_four_blocks_deep(chain: ChainCalls) -> None:
    chain("anvil_mine", 10)
    head = chain.height()
    assert int(chain.block("safe")["number"], 16) == head - 2
    assert int(chain.block("finalized")["number"], 16) == head - 4


def test_finality_never_goes_back(chain: ChainCalls) -> None:
    chain("anvil_mine", 10)
    final = chain.block("finalized")
    chain("anvil_rollback", 4)
    assert chain.block("finalized") == final == chain.block()
    assert chain.block("safe") == final
    refusal = chain.error("anvil_rollback", 1)
    assert refusal.code == -32602
    assert "is final: at most 0 blocks" in refusal.message


def test_a_reorg_past_a_final_block_is_refused_unless_forced(chain: ChainCalls) -> None:
    chain("anvil_mine", 10)
    head = chain.block()
    assert "is final: at most 4 blocks" in chain.error("anvil_reorg", 5, []).message
    assert chain.block() == head
    final = chain.block("finalized")
    chain("anvil_reorg", 6, [], True)
    assert chain.block()["number"] == head["number"]
    assert chain("eth_getBlockByHash", final["hash"], False) is None


def test_a_reorg_past_genesis_is_refused_even_if_forced(chain: ChainCalls) -> None:
    depth = chain.height() + 1
    assert f"depth {depth}" in chain.error("anvil_reorg", depth, [], True).message
    assert f"depth {depth}" in chain.error("anvil_rollback", depth, True).message


def test_a_reorg_with_an_invalid_tx_changes_nothing(chain: ChainCalls) -> None:
    sent = chain.send_coin()
    chain("anvil_mine", 2)
    head = chain.block()
    gap = chain.signed(nonce=chain.nonce(1) + 5)
    refusal = chain.error("anvil_reorg", 2, [[chain.signed(2), 0], [gap, 1]])
    assert "is not valid in the new block at offset 1" in refusal.message
    assert chain.block() == head
    assert chain.receipt(sent)["status"] == "0x1"
    assert chain.nonce(2) == 0
    chain.send_coin()
    assert chain.height() == int(head["number"], 16) + 1


def test_new_blocks_keep_the_times_of_the_dropped_ones(chain: ChainCalls) -> None:
    chain("anvil_mine", 3, 1_000)
    times = [chain.block(number)["timestamp"] for number in range(chain.height() - 1, chain.height() + 1)]
    chain("anvil_reorg", 2, [])
    assert [chain.block(number)["timestamp"] for number in range(chain.height() - 1, chain.height() + 1)] == times


def test_tx_objects_in_a_reorg_count_from_the_common_ancestor(chain: ChainCalls) -> None:
    chain.send_coin(value=1)
    chain.send_coin(value=2)
    tx = {"from": address_of(1), "to": address_of(2), "value": "0x7"}
    chain("anvil_reorg", 2, [[tx, 0], [tx, 0], [tx, 1]])
    assert [len(chain.block(number)["transactions"]) for number in (chain.height() - 1, chain.height())] == [2, 1]
    assert chain.nonce(1) == 3


@pytest.mark.parametrize("txs", [[["0x00"]], [{"from": "x"}], [[{}, 0]], "no", [["0x01", 2]]])
def test_a_reorg_with_txs_that_make_no_sense_is_refused(chain: ChainCalls, txs: object) -> None:
    chain("anvil_mine", 3)
    head = chain.block()
    assert chain.error("anvil_reorg", 2, txs).code in (-32602, -32000)
    assert chain.block() == head


def test_a_snapshot_brings_back_even_blocks_that_a_reorg_dropped(chain: ChainCalls) -> None:
    sent = chain.send_coin()
    chain("evm_increaseTime", 500)
    head, offset = chain.block(), chain("earnest_nodeInfo")["offset"]
    snapshot = chain("evm_snapshot")
    chain("anvil_reorg", 1, [])
    chain("evm_increaseTime", 500)
    chain.send_coin(value=5)
    assert chain.receipt(sent) is None
    assert chain("evm_revert", snapshot) is True
    assert chain.block() == head
    assert chain.receipt(sent)["blockHash"] == head["hash"]
    assert chain("earnest_nodeInfo")["offset"] == offset
    assert chain("evm_revert", snapshot) is False


def test_a_balance_is_set_in_a_block_of_its_own(chain: ChainCalls) -> None:
    before = chain.height()
    chain("anvil_setBalance", address_of(5), "0x3039")
    assert chain.balance(address_of(5)) == 12_345
    assert chain.height() == before + 1


def test_nonce_code_and_storage_can_be_set(chain: ChainCalls) -> None:
    there = "0x" + "ab" * 20
    chain("anvil_setNonce", there, "0x9")
    chain("anvil_setCode", there, "0x60015460005260206000f3")  # returns slot 1
    assert chain("anvil_setStorageAt", there, "0x1", "0x" + "00" * 31 + "2a") is True
    assert chain("eth_getTransactionCount", there, "latest") == "0x9"
    assert chain("eth_getStorageAt", there, "0x1", "latest") == "0x" + "00" * 31 + "2a"
    assert int(chain("eth_call", {"to": there}, "latest"), 16) == 42


def test_too_many_blocks_at_once_are_refused(chain: ChainCalls) -> None:
    assert chain.error("anvil_mine", 1_000_000).code == -32602


def test_the_time_can_be_set(chain: ChainCalls) -> None:
    target = int(time.time()) + 10_000
    chain("evm_setTime", target)
    chain("evm_mine")
    assert 0 <= chain.time() - target <= 2


def test_a_closed_chain_refuses_requests() -> None:
    chain = EmbeddedChain(test_tokens=False)
    chain.close()
    chain.close()
    with pytest.raises(LocalnetError, match="closed"):
        chain.request("eth_blockNumber")

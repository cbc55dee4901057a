"""What was mined survives any kill; what was not is not there."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from tests.integration.localnet.nodes import ChainProcess
from tests.unit.localnet.calls import address_of


def test_the_head_is_the_same_after_a_kill(tmp_path: Path) -> None:
    chain = ChainProcess(tmp_path)
    for amount in range(1, 6):
        sent = chain.calls.send_tokens(address_of(2), amount)
    head, receipt = chain.calls.block(), chain.calls.receipt(sent)
    waiting = chain.calls.send_coin(nonce=chain.calls.nonce(1) + 1)
    logs = chain.calls("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": TEST_TOKEN_ADDRESS})
    chain.kill()

    again = ChainProcess(tmp_path)
    assert again.calls.block() == head
    assert again.calls.receipt(sent) == receipt
    assert again.calls("eth_getTransactionByHash", waiting) is None
    assert again.calls("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", "address": TEST_TOKEN_ADDRESS}) == logs
    again.calls.send_coin()
    assert again.calls.block()["parentHash"] == head["hash"]
    again.stop()


def test_clock_finality_and_a_reorg_survive_a_kill(tmp_path: Path) -> None:
    chain = ChainProcess(tmp_path)
    kept, lost = chain.calls.signed(1, value=5), chain.calls.signed(2, value=6)
    hashes = [chain.calls("eth_sendRawTransaction", raw) for raw in (kept, lost)]
    chain.calls("anvil_reorg", 2, [[kept, 1]])
    receipt = chain.calls.receipt(hashes[0])
    chain.calls("evm_increaseTime", 86_400)
    chain.calls("anvil_mine", 10)
    final = chain.calls.block("finalized")
    chain.calls("anvil_rollback", 3)
    chain.calls("evm_setNextBlockTimestamp", chain.calls.time() + 5_000)
    info = chain.calls("earnest_nodeInfo")
    chain.kill()

    again = ChainProcess(tmp_path)
    assert again.calls("earnest_nodeInfo") == info
    # The blocks before ran ahead of wall time, a second each, and the clock moved on from the newest of them.
    assert 86_400 <= info["offset"] <= 86_430
    assert again.calls.block("finalized") == final
    assert [again.calls.receipt(one) for one in hashes] == [receipt, None]
    again.calls("evm_mine")
    assert again.calls.time() == info["nextBlockTimestamp"]
    again.stop()


@pytest.mark.parametrize("seed", range(3))
def test_a_kill_at_any_moment_loses_nothing_that_was_answered(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    chain = ChainProcess(tmp_path)
    answered: list[str] = []
    killer = threading.Timer(chance.uniform(0.05, 1.0), chain.process.kill)
    killer.start()
    first = 1 + seed % 3
    try:
        nonce = 0
        while True:
            answered.append(chain.calls.send_tokens(address_of(9), 1 + nonce, index=first))
            if chance.random() < 0.1:
                chain.calls("anvil_reorg", 1, [[_raw_of(chain, answered[-1]), 0]])
            nonce += 1
    except (httpx.TransportError, httpx.RemoteProtocolError):
        pass
    killer.join()
    chain.kill()

    again = ChainProcess(tmp_path)
    for sent in answered:
        assert again.calls.receipt(sent)["status"] == "0x1"
    # One more may have been mined whose answer never arrived, and no other.
    assert again.calls.nonce(first) in (len(answered), len(answered) + 1)
    _assert_whole(again)
    again.stop()


def test_a_kill_while_the_chain_is_made_leaves_a_chain_that_starts(tmp_path: Path) -> None:
    from tests.integration.localnet.nodes import start_chain  # noqa: PLC0415

    for wait in (1.5, 2.5, 3.0):
        process = start_chain("--data-dir", str(tmp_path), "--port", "0", "--settle-seconds", "0")
        time.sleep(wait)
        process.kill()
        process.communicate()
    chain = ChainProcess(tmp_path)
    assert chain.calls.height() == 1
    assert chain.calls.tokens(address_of(9)) > 0
    chain.stop()


def test_sigterm_ends_the_process_in_good_order(tmp_path: Path) -> None:
    chain = ChainProcess(tmp_path)
    sent = chain.calls.send_coin()
    assert chain.stop() == 0
    assert not list(tmp_path.glob("*-wal")), "closing folds the write-ahead log into the file"
    again = ChainProcess(tmp_path)
    assert again.calls.receipt(sent) is not None
    again.stop()


def test_starting_again_takes_no_longer_with_a_longer_chain(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    began = time.perf_counter()
    chain = ChainProcess(tmp_path)
    fresh = time.perf_counter() - began
    chain.calls("anvil_mine", 500)
    chain.kill()
    began = time.perf_counter()
    again = ChainProcess(tmp_path)
    reopened = time.perf_counter() - began
    again.stop()
    record_property("seconds_fresh", fresh)
    record_property("seconds_reopened", reopened)
    print(f"fresh {fresh:.2f} s, reopened after a kill {reopened:.2f} s")
    assert reopened < fresh + 10


def _raw_of(chain: ChainProcess, tx_hash: str) -> str:
    return str(chain.calls("eth_getRawTransactionByHash", tx_hash))


def _assert_whole(chain: ChainProcess) -> None:
    """Every block follows its parent, and every tx of a block is found there."""
    parent = chain.calls.block(0)
    for number in range(1, chain.calls.height() + 1):
        block = chain.calls.block(number)
        assert block["parentHash"] == parent["hash"]
        assert int(block["timestamp"], 16) > int(parent["timestamp"], 16)
        for tx_hash in block["transactions"]:
            assert chain.calls.receipt(tx_hash)["blockHash"] == block["hash"]
        parent = block

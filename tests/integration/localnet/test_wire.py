"""The forms in which blocks, txs and receipts are answered."""

from __future__ import annotations

import re
from typing import Any

from earnest.localnet.facts import DEPLOYMENT_PROXY
from earnest.localnet.genesis import DEPLOYMENT_PROXY_CODE
from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from tests.unit.localnet.calls import TRANSFER_TOPIC, ChainCalls, address_of, word

QUANTITY = re.compile(r"0x(0|[1-9a-f][0-9a-f]*)\Z")
HASH = re.compile(r"0x[0-9a-f]{64}\Z")
ADDRESS = re.compile(r"0x[0-9a-f]{40}\Z")


def assert_form(answer: dict[str, Any], form: re.Pattern[str], *names: str) -> None:
    for name in names:
        assert form.match(answer[name]), f"{name} is {answer[name]!r}"


def test_a_block_has_the_forms_that_clients_expect(node: ChainCalls) -> None:
    node.send_tokens(address_of(2), 5)
    block = node.block()
    assert_form(block, QUANTITY, "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "size", "difficulty")
    assert_form(block, QUANTITY, "blobGasUsed", "excessBlobGas")
    assert_form(block, HASH, "hash", "parentHash", "stateRoot", "transactionsRoot", "receiptsRoot", "mixHash")
    assert_form(block, HASH, "sha3Uncles", "withdrawalsRoot", "parentBeaconBlockRoot")
    assert_form(block, ADDRESS, "miner")
    assert len(block["logsBloom"]) == 2 + 512
    assert block["logsBloom"] != "0x" + "00" * 256
    assert (block["nonce"], block["uncles"]) == ("0x0000000000000000", [])
    assert block["parentHash"] == node.block(node.height() - 1)["hash"]
    assert node("eth_getBlockByHash", block["hash"], False) == block


def test_a_block_lists_its_txs_by_hash_or_whole(node: ChainCalls) -> None:
    sent = node.send_coin(value=7)
    assert node.block()["transactions"] == [sent]
    whole = node("eth_getBlockByNumber", "latest", True)["transactions"]
    assert whole == [node("eth_getTransactionByHash", sent)]


def test_a_mined_tx_says_where_it_is_and_what_it_pays(node: ChainCalls) -> None:
    sent = node.send_coin(value=7)
    tx, block = node("eth_getTransactionByHash", sent), node.block()
    assert_form(
        tx, QUANTITY, "nonce", "gas", "gasPrice", "maxFeePerGas", "maxPriorityFeePerGas", "value", "v", "r", "s"
    )
    assert (tx["type"], tx["value"], tx["input"], tx["chainId"]) == ("0x2", "0x7", "0x", "0x7a69")
    assert (tx["from"], tx["to"]) == (address_of(1).lower(), address_of(9).lower())
    assert (tx["blockHash"], tx["blockNumber"], tx["transactionIndex"]) == (block["hash"], block["number"], "0x0")
    assert int(tx["gasPrice"], 16) == int(block["baseFeePerGas"], 16) + int(tx["maxPriorityFeePerGas"], 16)


def test_a_waiting_tx_has_no_block(node: ChainCalls) -> None:
    node("evm_setAutomine", False)
    sent = node.send_coin()
    tx = node("eth_getTransactionByHash", sent)
    assert (tx["blockHash"], tx["blockNumber"], tx["transactionIndex"]) == (None, None, None)
    assert node.receipt(sent) is None
    assert sent in node.block("pending")["transactions"]
    assert node.nonce(1, "pending") == node.nonce(1) + 1


def test_a_receipt_tells_status_gas_and_logs(node: ChainCalls) -> None:
    sent = node.send_tokens(address_of(2), 5)
    receipt, block = node.receipt(sent), node.block()
    assert_form(receipt, QUANTITY, "gasUsed", "cumulativeGasUsed", "effectiveGasPrice", "transactionIndex", "type")
    assert (receipt["status"], receipt["contractAddress"], receipt["transactionHash"]) == ("0x1", None, sent)
    assert (receipt["blockHash"], receipt["blockNumber"]) == (block["hash"], block["number"])
    (log,) = receipt["logs"]
    assert log["address"] == TEST_TOKEN_ADDRESS.lower()
    assert log["topics"] == [TRANSFER_TOPIC, word(address_of(1)), word(address_of(2))]
    assert (int(log["data"], 16), log["removed"], log["logIndex"]) == (5, False, "0x0")
    assert (log["blockHash"], log["transactionHash"]) == (block["hash"], sent)


def test_a_created_contract_is_named_in_the_receipt(node: ChainCalls) -> None:
    created = node("eth_sendTransaction", {"from": address_of(3), "data": "0x6001600c60003960016000f3fe"})
    receipt = node.receipt(created)
    assert receipt["to"] is None
    assert_form(receipt, ADDRESS, "contractAddress")
    assert node("eth_getCode", receipt["contractAddress"], "latest") == "0xfe"


def test_a_failed_tx_has_status_zero_and_is_paid_for(node: ChainCalls) -> None:
    failed = node.send_tokens(address_of(2), 10**30)
    receipt = node.receipt(failed)
    assert (receipt["status"], receipt["logs"]) == ("0x0", [])
    assert int(receipt["gasUsed"], 16) > 21_000


def test_several_txs_in_a_block_count_gas_and_logs_through(node: ChainCalls) -> None:
    node("evm_setAutomine", False)
    sent = [node.send_tokens(address_of(9), 1, index) for index in (1, 2, 3)]
    node("evm_mine")
    block = node.block()
    receipts = node("eth_getBlockReceipts", block["number"])
    assert sorted(sent) == sorted(one["transactionHash"] for one in receipts)
    assert receipts == [node.receipt(one["transactionHash"]) for one in receipts]
    assert [one["logs"][0]["logIndex"] for one in receipts] == ["0x0", "0x1", "0x2"]
    assert [one["transactionIndex"] for one in receipts] == ["0x0", "0x1", "0x2"]
    assert receipts[-1]["cumulativeGasUsed"] == block["gasUsed"]
    assert sum(int(one["gasUsed"], 16) for one in receipts) == int(block["gasUsed"], 16)


def test_what_does_not_exist_is_null(node: ChainCalls) -> None:
    nothing = "0x" + "ab" * 32
    assert node("eth_getBlockByHash", nothing, False) is None
    assert node("eth_getBlockByNumber", "0xffffff", False) is None
    assert node("eth_getTransactionByHash", nothing) is None
    assert node("eth_getTransactionReceipt", nothing) is None


def test_tags_name_blocks(node: ChainCalls) -> None:
    node("anvil_mine", 6)
    head = node.height()
    numbers = {
        tag: int(node.block(tag)["number"], 16) for tag in ("earliest", "finalized", "safe", "latest", "pending")
    }
    assert numbers == {"earliest": 0, "finalized": head - 4, "safe": head - 2, "latest": head, "pending": head + 1}


def test_state_is_told_of_any_block(node: ChainCalls) -> None:
    start, before = node.height(), node.balance(address_of(9))
    node.send_coin(value=5)
    node.send_coin(value=6)
    balances = [int(node("eth_getBalance", address_of(9), hex(start + n)), 16) - before for n in range(3)]
    assert balances == [0, 5, 11]
    by_hash = {"blockHash": node.block(start + 1)["hash"]}
    assert int(node("eth_getBalance", address_of(9), by_hash), 16) == before + 5
    assert node.error("eth_getBalance", address_of(9), hex(start + 100)).code in (-32000, -32602)


def test_fees_are_suggested_and_remembered(node: ChainCalls) -> None:
    for _ in range(3):
        node.send_coin()
    base_fee = int(node.block("pending")["baseFeePerGas"], 16)
    assert int(node("eth_gasPrice"), 16) >= base_fee
    assert int(node("eth_maxPriorityFeePerGas"), 16) > 0
    history = node("eth_feeHistory", "0x3", "latest", [50])
    first = int(history["oldestBlock"], 16)
    assert first == node.height() - 2
    assert history["baseFeePerGas"][:3] == [node.block(first + n)["baseFeePerGas"] for n in range(3)]
    assert len(history["baseFeePerGas"]) == 4
    assert [len(one) for one in history["reward"]] == [1, 1, 1]
    assert all(0 < ratio < 1 for ratio in history["gasUsedRatio"])


def test_an_unknown_method_is_refused_by_its_code(node: ChainCalls) -> None:
    assert node.error("eth_noSuchMethod").code == -32601


def test_params_that_make_no_sense_are_refused_by_their_code(node: ChainCalls) -> None:
    assert node.error("eth_getBalance").code == -32602
    assert node.error("eth_getBalance", "0x12", "latest").code == -32602
    assert node.error("eth_getBlockByNumber", "0xzz", False).code == -32602
    assert node.error("eth_getTransactionByHash", "0x12").code == -32602


def test_the_deployment_proxy_is_the_one_that_every_chain_has(node: ChainCalls) -> None:
    assert node("eth_getCode", DEPLOYMENT_PROXY, "latest") == "0x" + DEPLOYMENT_PROXY_CODE.hex()

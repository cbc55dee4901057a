"""web3.py, the client that most Python programs use, is content with what it gets."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, ContractCustomError, TransactionNotFound, Web3RPCError
from web3.types import BlockIdentifier

from earnest.localnet.accounts import dev_accounts
from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from tests.integration.localnet.nodes import ChainProcess
from tests.unit.localnet.calls import address_of

ABI = json.loads((files("earnest.localnet") / "artifacts" / "TestToken.json").read_text())["abi"]


@pytest.fixture
def w3(embedded_process: ChainProcess) -> Web3:
    return Web3(HTTPProvider(embedded_process.url))


def test_a_contract_is_called_sent_to_and_its_events_read(w3: Web3) -> None:
    token: Any = w3.eth.contract(address=Web3.to_checksum_address(TEST_TOKEN_ADDRESS), abi=ABI)
    assert token.functions.symbol().call() == "tUSD"
    sent = token.functions.transfer(address_of(4), 123).transact({"from": address_of(3)})
    receipt = w3.eth.wait_for_transaction_receipt(sent, poll_latency=0.01)
    (event,) = token.events.Transfer().process_receipt(receipt)
    assert (event["args"]["to"], event["args"]["value"]) == (address_of(4), 123)
    found = token.events.Transfer().get_logs(from_block=receipt["blockNumber"], argument_filters={"to": address_of(4)})
    assert [log["transactionHash"] for log in found] == [sent]


def test_a_locally_signed_tx_is_filled_in_and_sent(w3: Web3) -> None:
    account = w3.eth.account.from_key(dev_accounts()[5].private_key)
    built: Any = {
        "to": address_of(6),
        "value": 9,
        "nonce": w3.eth.get_transaction_count(account.address),
        "chainId": w3.eth.chain_id,
        "gas": 21_000,
        "maxFeePerGas": 2 * w3.eth.gas_price,
        "maxPriorityFeePerGas": w3.eth.max_priority_fee,
    }
    sent = w3.eth.send_raw_transaction(account.sign_transaction(built).raw_transaction)
    assert w3.eth.get_transaction_receipt(sent)["status"] == 1
    assert w3.eth.get_transaction(sent)["value"] == 9
    block: Any = w3.eth.get_block("latest", full_transactions=True)
    assert block["transactions"][0]["hash"] == sent


def test_errors_become_web3s_own(w3: Web3) -> None:
    token: Any = w3.eth.contract(address=Web3.to_checksum_address(TEST_TOKEN_ADDRESS), abi=ABI)
    with pytest.raises(ContractCustomError):
        token.functions.transfer(address_of(4), 10**40).call({"from": address_of(3)})
    with pytest.raises(TransactionNotFound):
        w3.eth.get_transaction_receipt("0x" + "ab" * 32)  # type: ignore[arg-type]
    with pytest.raises(BlockNotFound):
        w3.eth.get_block(10**9)
    with pytest.raises(Web3RPCError, match="filters cannot tell of a reorg"):
        w3.eth.filter("latest")


def test_blocks_tags_and_fees_are_read(w3: Web3) -> None:
    tags: tuple[BlockIdentifier, ...] = ("earliest", "finalized", "safe", "latest", "pending")
    for tag in tags:
        assert w3.eth.get_block(tag)["timestamp"] > 0
    assert w3.eth.syncing is False
    assert w3.eth.fee_history(2, "latest", [50])["baseFeePerGas"]
    assert len(w3.eth.accounts) == 10

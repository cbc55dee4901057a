"""Calls and estimates: what a contract returns, and how it refuses."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode

from earnest.localnet.tokens import TEST_TOKEN_ADDRESS
from tests.unit.localnet.calls import GWEI, ChainCalls, address_of, call_data

TIME_NOW = "0x4260005260206000f3"  # creation code that returns the block's time
NUMBER_NOW = "0x4360005260206000f3"
ERROR_STRING = "08c379a0" + encode(["string"], ["too late"]).hex()


def deploying(runtime: str) -> str:
    """Creation code that puts `runtime` (hex, at most 255 bytes) in place."""
    return f"0x60{len(runtime) // 2:02x}600c60003960{len(runtime) // 2:02x}6000f3{runtime}"


def deployed(node: ChainCalls, runtime: str) -> str:
    sent = node("eth_sendTransaction", {"from": address_of(3), "data": deploying(runtime), "gas": "0x100000"})
    return str(node.receipt(sent)["contractAddress"])


def reverting_with(data: str) -> str:
    """Creation code that reverts with `data` (hex, at most 255 bytes)."""
    size = f"{len(data) // 2:02x}"
    return f"0x60{size}600c60003960{size}6000fd{data}"


def test_a_call_returns_what_the_contract_returns(node: ChainCalls) -> None:
    owner = {"to": TEST_TOKEN_ADDRESS, "data": call_data("balanceOf(address)", address_of(1))}
    answer = node("eth_call", owner, "latest")
    assert int(answer, 16) > 0
    assert node("eth_call", {"to": owner["to"], "input": owner["data"]}, "latest") == answer


def test_a_call_to_an_account_without_code_returns_nothing(node: ChainCalls) -> None:
    assert node("eth_call", {"to": address_of(4), "data": "0x12345678"}, "latest") == "0x"


def test_a_call_changes_nothing(node: ChainCalls) -> None:
    before = node.tokens(address_of(2))
    data = call_data("transfer(address,uint256)", address_of(2), 5)
    assert int(node("eth_call", {"from": address_of(1), "to": TEST_TOKEN_ADDRESS, "data": data}, "latest"), 16) == 1
    assert node.tokens(address_of(2)) == before


def test_a_call_runs_in_the_block_that_is_asked_for(node: ChainCalls) -> None:
    node("anvil_mine", 3, 100)
    head = node.block()
    assert int(node("eth_call", {"data": TIME_NOW}, "latest"), 16) == int(head["timestamp"], 16)
    assert int(node("eth_call", {"data": NUMBER_NOW}, "latest"), 16) == node.height()
    older = node.block(node.height() - 2)
    assert int(node("eth_call", {"data": TIME_NOW}, older["number"]), 16) == int(older["timestamp"], 16)
    assert int(node("eth_call", {"data": NUMBER_NOW}, "pending"), 16) == node.height() + 1


@pytest.mark.parametrize("data", ["", "00", "12345678", "ff" * 100, ERROR_STRING])
@pytest.mark.parametrize("method", ["eth_call", "eth_estimateGas"])
def test_a_revert_is_told_with_its_data(node: ChainCalls, method: str, data: str) -> None:
    refusal = node.error(method, {"from": address_of(1), "data": reverting_with(data)}, "latest")
    assert (refusal.code, refusal.data) == (3, "0x" + data)
    assert refusal.message.startswith("execution reverted")


def test_the_reason_of_a_revert_stands_in_the_message(node: ChainCalls) -> None:
    refusal = node.error("eth_call", {"data": reverting_with(ERROR_STRING)}, "latest")
    assert refusal.message == "execution reverted: too late"


def test_a_custom_error_of_a_contract_comes_through(node: ChainCalls) -> None:
    data = call_data("transfer(address,uint256)", address_of(2), 10**30)
    refusal = node.error("eth_call", {"from": address_of(1), "to": TEST_TOKEN_ADDRESS, "data": data}, "latest")
    assert refusal.code == 3
    assert refusal.data[:10] == "0xe450d38c"  # ERC20InsufficientBalance(address,uint256,uint256)


def test_an_invalid_opcode_is_no_revert(node: ChainCalls) -> None:
    assert node.error("eth_call", {"data": "0xfe"}, "latest").code in (-32000, -32603)


def test_a_call_may_send_only_what_the_sender_has(node: ChainCalls) -> None:
    call = {"from": "0x" + "77" * 20, "to": address_of(1), "value": "0x1"}
    assert "nsufficient funds" in node.error("eth_call", call, "latest").message


def test_an_override_stands_in_for_the_state(node: ChainCalls) -> None:
    somewhere = "0x" + "77" * 20
    returns_slot_one = "0x60015460005260206000f3"
    override = {somewhere: {"code": returns_slot_one, "stateDiff": {"0x" + "00" * 31 + "01": "0x" + "00" * 31 + "2a"}}}
    assert int(node("eth_call", {"to": somewhere}, "latest", override), 16) == 42
    assert node("eth_getCode", somewhere, "latest") == "0x"


@pytest.mark.parametrize("amount", [1, 10**6])
def test_an_estimate_suffices_and_is_tight(node: ChainCalls, amount: int) -> None:
    data = call_data("transfer(address,uint256)", address_of(2), amount)
    call = {"from": address_of(1), "to": TEST_TOKEN_ADDRESS, "data": data}
    estimate = int(node("eth_estimateGas", call), 16)
    sent = node.send_coin(to=TEST_TOKEN_ADDRESS, data=data, gas=estimate)
    receipt = node.receipt(sent)
    assert receipt["status"] == "0x1"
    assert estimate <= int(receipt["gasUsed"], 16) * 1.1


def test_a_plain_transfer_is_estimated_exactly(node: ChainCalls) -> None:
    assert node("eth_estimateGas", {"from": address_of(1), "to": address_of(2), "value": "0x1"}) == "0x5208"


def test_an_estimate_reserves_what_an_inner_call_insists_on(node: ChainCalls) -> None:
    # Reverts unless 300,000 gas are left, and then uses next to none of it.
    picky = deployed(node, "620493e05a11600a57fe5b00")
    estimate = int(node("eth_estimateGas", {"from": address_of(1), "to": picky}), 16)
    assert 321_000 < estimate < 321_100 * 16 // 15
    assert node.receipt(node.send_coin(to=picky, gas=estimate))["status"] == "0x1"


def test_an_estimate_leaves_transient_storage_alone(node: ChainCalls) -> None:
    # Reverts if transient slot 0 is set, then sets it: a lock as the escrow has one.
    locked = deployed(node, "60005c600c57600160005d005b60006000fd")
    estimate = int(node("eth_estimateGas", {"from": address_of(1), "to": locked}), 16)
    for _ in range(2):
        assert node.receipt(node.send_coin(to=locked, gas=estimate))["status"] == "0x1"


def test_an_estimate_sees_the_time_of_the_block_to_come(node: ChainCalls) -> None:
    deadline = node.time() + 1_000
    # Reverts before the deadline.
    late = deployed(node, f"64{deadline:010x}421160105760006000fd5b00")
    node("evm_increaseTime", 5_000)
    node("eth_estimateGas", {"from": address_of(1), "to": late}, "pending")


def test_a_tx_is_filled_in_and_signed_for_an_unlocked_account(node: ChainCalls) -> None:
    sent = node("eth_sendTransaction", {"from": address_of(4), "to": address_of(5), "value": "0x7"})
    tx = node("eth_getTransactionByHash", sent)
    assert (tx["type"], tx["gas"], tx["value"]) == ("0x2", "0x5208", "0x7")
    assert int(tx["maxFeePerGas"], 16) >= GWEI
    assert node.receipt(sent)["status"] == "0x1"


def test_nobody_signs_for_an_unknown_account(node: ChainCalls) -> None:
    assert node.error("eth_sendTransaction", {"from": "0x" + "77" * 20, "to": address_of(5)}).code in (-32000, -32602)

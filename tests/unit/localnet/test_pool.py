"""Which txs are taken, which are refused and in what words, and in which order they are mined."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.localnet.calls import GWEI, ChainCalls, address_of


def by_hand(chain: ChainCalls) -> ChainCalls:
    chain("evm_setAutomine", False)
    return chain


def test_a_nonce_below_the_accounts_is_too_low(chain: ChainCalls) -> None:
    chain.send_coin()
    nonce = chain.nonce(1)
    refusal = chain.error("eth_sendRawTransaction", chain.signed(nonce=nonce - 1, value=9))
    assert (refusal.code, refusal.message) == (-32000, f"nonce too low: next nonce {nonce}, tx nonce {nonce - 1}")


def test_a_waiting_tx_sent_again_is_already_known(chain: ChainCalls) -> None:
    by_hand(chain)
    raw = chain.signed()
    chain("eth_sendRawTransaction", raw)
    assert chain.error("eth_sendRawTransaction", raw).message == "already known"


def test_a_mined_tx_sent_again_is_refused_by_its_nonce(chain: ChainCalls) -> None:
    raw = chain.signed()
    chain("eth_sendRawTransaction", raw)
    assert "nonce too low" in chain.error("eth_sendRawTransaction", raw).message


def test_a_tx_that_costs_more_than_the_balance_is_refused_with_the_sums(chain: ChainCalls) -> None:
    balance = chain.balance(address_of(1))
    refusal = chain.error("eth_sendRawTransaction", chain.signed(value=balance))
    assert refusal.message.startswith(f"insufficient funds for gas * price + value: balance {balance}, tx cost ")
    assert refusal.message.endswith(f"overshot {21_000 * 20 * GWEI}")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"gas": 20_999}, "intrinsic gas too low: gas 20999, minimum needed 21000"),
        ({"gas": 30_000_001}, "exceeds block gas limit"),
        (
            {"maxFeePerGas": GWEI, "maxPriorityFeePerGas": 2 * GWEI},
            "max priority fee per gas higher than max fee per gas",
        ),
        ({"chainId": 1}, "invalid chain id for signer: have 1 want 31337"),
        ({"chainId": 1, "gasPrice": 20 * GWEI}, "invalid chain id for signer: have 1 want 31337"),
        # EIP-7623: ten gas for each of four tokens a byte
        ({"data": "0x" + "ff" * 1_000, "gas": 60_999}, "minimum needed 61000"),
    ],
)
def test_a_tx_that_could_never_be_mined_is_refused(chain: ChainCalls, fields: dict[str, Any], words: str) -> None:
    refusal = chain.error("eth_sendRawTransaction", chain.signed(**fields))
    assert refusal.code == -32000
    assert words in refusal.message


@pytest.mark.parametrize("raw", ["0x", "0x01", "0x02c0", "0x03f8", "0xc0", "0xdeadbeef", "0x7f01"])
def test_bytes_that_are_no_tx_are_refused(chain: ChainCalls, raw: str) -> None:
    assert chain.error("eth_sendRawTransaction", raw).code == -32000


def test_legacy_and_access_list_txs_are_mined(chain: ChainCalls) -> None:
    legacy = chain.send_coin(gasPrice=5 * GWEI)
    assert chain("eth_getTransactionByHash", legacy)["type"] == "0x0"
    assert chain.receipt(legacy)["effectiveGasPrice"] == hex(5 * GWEI)
    listed = chain.send_coin(
        type=1,
        gasPrice=5 * GWEI,
        gas=50_000,
        accessList=[{"address": address_of(3), "storageKeys": ["0x" + "00" * 32]}],
    )
    assert chain.receipt(listed)["gasUsed"] == hex(21_000 + 2_400 + 1_900)


def test_a_tx_after_a_gap_waits_and_is_mined_when_the_gap_is_filled(chain: ChainCalls) -> None:
    nonce = chain.nonce(1)
    later = chain.send_coin(nonce=nonce + 1, value=2)
    assert chain.receipt(later) is None
    assert chain("eth_getTransactionByHash", later)["blockNumber"] is None
    assert chain.nonce(1, "pending") == nonce
    first = chain.send_coin(nonce=nonce, value=1)
    assert int(chain.receipt(later)["blockNumber"], 16) == int(chain.receipt(first)["blockNumber"], 16) + 1


def test_a_tx_below_the_base_fee_waits_and_a_dearer_one_replaces_it(chain: ChainCalls) -> None:
    nonce = chain.nonce(1)
    stuck = chain.send_coin(nonce=nonce, maxFeePerGas=1_000, maxPriorityFeePerGas=1_000)
    assert chain.receipt(stuck) is None
    assert chain.nonce(1, "pending") == nonce + 1
    cheap = chain.signed(nonce=nonce, maxFeePerGas=1_099, maxPriorityFeePerGas=1_099)
    assert chain.error("eth_sendRawTransaction", cheap).message == "replacement transaction underpriced"
    replacement = chain.send_coin(nonce=nonce)
    assert chain.receipt(replacement)["status"] == "0x1"
    assert chain("eth_getTransactionByHash", stuck) is None


def test_a_replacement_must_raise_both_fees_by_a_tenth(chain: ChainCalls) -> None:
    by_hand(chain)
    nonce = chain.nonce(1)
    chain.send_coin(nonce=nonce, maxFeePerGas=10 * GWEI, maxPriorityFeePerGas=GWEI)
    one_fee = chain.signed(nonce=nonce, maxFeePerGas=20 * GWEI, maxPriorityFeePerGas=GWEI)
    assert "underpriced" in chain.error("eth_sendRawTransaction", one_fee).message
    chain.send_coin(nonce=nonce, maxFeePerGas=11 * GWEI, maxPriorityFeePerGas=GWEI + GWEI // 10)


def test_a_block_takes_the_best_tips_first_and_each_senders_in_order(chain: ChainCalls) -> None:
    by_hand(chain)
    low = [chain.send_coin(1, maxPriorityFeePerGas=1 * GWEI), chain.send_coin(1, maxPriorityFeePerGas=9 * GWEI)]
    high = chain.send_coin(2, maxPriorityFeePerGas=5 * GWEI)
    chain("evm_mine")
    assert chain.block()["transactions"] == [high, *low]


def test_a_full_block_leaves_the_rest_waiting(chain: ChainCalls) -> None:
    burner = "0x" + "12" * 20
    chain("anvil_setCode", burner, "0xfe")  # burns all its gas
    by_hand(chain)
    first = chain.send_coin(1, to=burner, gas=16_000_000, maxPriorityFeePerGas=2 * GWEI)
    rest = [chain.send_coin(2, to=burner, gas=16_000_000), chain.send_coin(2)]
    chain("evm_mine")
    assert chain.block()["transactions"] == [first]
    chain("evm_mine")
    assert chain.block()["transactions"] == rest


def test_two_waiting_txs_of_one_sender_are_both_mined(chain: ChainCalls) -> None:
    by_hand(chain)
    both = [chain.send_coin(value=1), chain.send_coin(value=2)]
    chain("evm_mine")
    assert chain.block()["transactions"] == both


def test_a_waiting_tx_that_can_no_longer_be_paid_is_dropped_when_mining(chain: ChainCalls) -> None:
    by_hand(chain)
    doomed = chain.send_coin(value=10**18)
    chain("anvil_setBalance", address_of(1), "0x1")
    chain("evm_mine")
    assert chain("eth_getTransactionByHash", doomed) is None
    assert chain.balance(address_of(1)) == 1


def test_a_dropped_tx_is_forgotten(chain: ChainCalls) -> None:
    by_hand(chain)
    sent = chain.send_coin()
    assert chain("anvil_dropTransaction", sent) == sent
    assert chain("anvil_dropTransaction", sent) is None
    chain("evm_mine")
    assert chain.receipt(sent) is None


def test_switching_automine_on_mines_what_waits(chain: ChainCalls) -> None:
    by_hand(chain)
    sent = chain.send_coin()
    assert chain.receipt(sent) is None
    chain("evm_setAutomine", True)
    assert chain.receipt(sent) is not None

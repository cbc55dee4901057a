from __future__ import annotations

import pytest
from eth_utils.crypto import keccak

from earnest.localnet.accounts import DEV_BALANCE_WEI, dev_accounts
from earnest.localnet.facts import DEPLOYMENT_PROXY
from earnest.localnet.inprocess import EmbeddedChain
from earnest.localnet.tokens import BLOCKLIST_TOKEN_ADDRESS, TEST_TOKEN_ADDRESS, TEST_TOKEN_GRANT_BASE_UNITS
from tests.unit.localnet.calls import ChainCalls, address_of, call_data


def test_every_account_owns_ten_thousand_coins_at_genesis(chain: ChainCalls) -> None:
    assert chain("eth_accounts") == [account.address for account in dev_accounts()]
    for account in dev_accounts():
        assert int(chain("eth_getBalance", account.address, "0x0"), 16) == DEV_BALANCE_WEI


@pytest.mark.parametrize("token", [TEST_TOKEN_ADDRESS, BLOCKLIST_TOKEN_ADDRESS])
def test_block_one_sets_the_test_tokens_up(chain: ChainCalls, token: str) -> None:
    assert chain("eth_getCode", token, "0x0") == "0x"
    assert len(chain("eth_getCode", token, "0x1")) > 1_000
    assert chain.block(1)["number"] == "0x1"
    for account in dev_accounts():
        assert chain.tokens(account.address, token) == TEST_TOKEN_GRANT_BASE_UNITS == 10**12
    data = call_data("decimals()")
    assert int(chain("eth_call", {"to": token, "data": data}, "latest"), 16) == 6


def test_a_chain_can_begin_without_the_tokens() -> None:
    with EmbeddedChain(test_tokens=False) as bare:
        assert bare.request("eth_blockNumber") == "0x0"
        assert bare.request("eth_getTransactionCount", [address_of(0), "latest"]) == "0x0"


def test_the_deployment_proxy_deploys_at_the_address_that_create2_names(chain: ChainCalls) -> None:
    salt = bytes(range(32))
    creation = bytes.fromhex("6001600c60003960016000f3" + "fe")  # puts one byte of code, 0xfe, in place
    expected = keccak(b"\xff" + bytes.fromhex(DEPLOYMENT_PROXY[2:]) + salt + keccak(creation))[12:]
    chain.send_coin(to=DEPLOYMENT_PROXY, data="0x" + (salt + creation).hex(), gas=200_000)
    assert chain("eth_getCode", "0x" + expected.hex(), "latest") == "0xfe"


def test_who_the_chain_says_it_is(chain: ChainCalls) -> None:
    info = chain("earnest_nodeInfo")
    assert (info["kind"], info["offset"], info["mining"]) == ("embedded", 0, "auto")
    assert info["genesisHash"] == chain.block("earliest")["hash"]
    assert chain("web3_clientVersion").startswith("earnest/")
    assert (chain("eth_chainId"), chain("net_version")) == ("0x7a69", "31337")


def test_logs_with_fewer_topics_than_asked_for_do_not_match(chain: ChainCalls) -> None:
    chain.send_tokens(address_of(2), 1)
    query = {"fromBlock": "latest", "toBlock": "latest"}
    assert len(chain("eth_getLogs", query | {"topics": [None, None, None]})) == 1
    assert chain("eth_getLogs", query | {"topics": [None, None, None, None]}) == []
    assert chain.error("eth_getLogs", query | {"topics": [None] * 5}).code == -32602

"""The test tokens on any development node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_abi.abi import decode

from earnest.localnet.accounts import dev_accounts
from earnest.localnet.errors import TestTokenUnavailable
from earnest.localnet.tokens import (
    BLOCKLIST_TOKEN_ADDRESS,
    DEV_TOKENS,
    TEST_TOKEN_ADDRESS,
    TEST_TOKEN_DECIMALS,
    TEST_TOKEN_GRANT_BASE_UNITS,
    install_test_tokens,
)
from earnest.settings import load_network
from tests.integration.localnet.nodes import ChainProcess, anvil
from tests.unit.localnet.calls import ChainCalls, address_of, call_data


@pytest.fixture(params=["embedded", "anvil"])
def fresh_node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChainCalls]:
    if request.param == "anvil":
        with anvil() as calls:
            yield calls
        return
    chain = ChainProcess(tmp_path, arguments=("--settle-seconds", "0", "--no-test-tokens"))
    yield chain.calls
    chain.stop()


def test_each_token_is_installed_once_at_its_address(fresh_node: ChainCalls) -> None:
    assert [fresh_node("eth_getCode", token.address, "latest") for token in DEV_TOKENS] == ["0x", "0x"]
    install_test_tokens(fresh_node.request)
    for token in DEV_TOKENS:
        for account in dev_accounts():
            assert fresh_node.tokens(account.address, token.address) == TEST_TOKEN_GRANT_BASE_UNITS
    height = fresh_node.height()
    install_test_tokens(fresh_node.request)
    assert fresh_node.height() == height


def test_an_interrupted_installation_is_completed(fresh_node: ChainCalls) -> None:
    install_test_tokens(fresh_node.request)
    fresh_node.send_tokens(address_of(2), TEST_TOKEN_GRANT_BASE_UNITS, index=7)
    assert fresh_node.tokens(address_of(7)) == 0
    install_test_tokens(fresh_node.request)
    assert fresh_node.tokens(address_of(7)) == TEST_TOKEN_GRANT_BASE_UNITS
    assert fresh_node.tokens(address_of(2)) == 2 * TEST_TOKEN_GRANT_BASE_UNITS


def test_a_used_first_account_makes_the_address_unreachable(fresh_node: ChainCalls) -> None:
    fresh_node.send_coin(0)
    with pytest.raises(TestTokenUnavailable, match=r"tUSD must be the first contract of .* which has sent 1 txs"):
        install_test_tokens(fresh_node.request)


def test_a_node_that_does_not_answer_is_named_as_the_reason() -> None:
    with pytest.raises(TestTokenUnavailable, match="does not answer eth_chainId"):
        install_test_tokens("http://127.0.0.1:9")


def test_the_service_knows_the_tokens_as_they_name_themselves(node: ChainCalls) -> None:
    known = [(each.address, each.symbol, each.decimals) for each in load_network("local").tokens]
    assert known == [(token.address, token.symbol, TEST_TOKEN_DECIMALS) for token in DEV_TOKENS]
    for token in DEV_TOKENS:
        answer = node("eth_call", {"to": token.address, "data": call_data("symbol()")}, "latest")
        assert decode(["string"], bytes.fromhex(answer[2:])) == (token.symbol,)


@pytest.mark.parametrize("token", [token.address for token in DEV_TOKENS])
def test_the_tokens_know_both_signature_ways(node: ChainCalls, token: str) -> None:
    for view in ("DOMAIN_SEPARATOR()", "eip712Domain()"):
        assert len(node("eth_call", {"to": token, "data": call_data(view)}, "latest")) >= 66
    nonces = call_data("nonces(address)", address_of(1))
    assert int(node("eth_call", {"to": token, "data": nonces}, "latest"), 16) == 0
    used = call_data("authorizationState(address,bytes32)", address_of(1), bytes(32))
    assert int(node("eth_call", {"to": token, "data": used}, "latest"), 16) == 0


def test_a_blocked_account_can_neither_send_nor_receive_until_it_is_taken_off_the_list(node: ChainCalls) -> None:
    def set_blocked(yes: bool) -> None:
        data = call_data("setBlocked(address,bool)", address_of(6), yes)
        node.receipt(node.send_coin(3, to=BLOCKLIST_TOKEN_ADDRESS, data=data, gas=100_000))

    def transfer(sender: int, to: int, token: str = BLOCKLIST_TOKEN_ADDRESS) -> dict[str, str]:
        return {
            "from": address_of(sender),
            "to": token,
            "data": call_data("transfer(address,uint256)", address_of(to), 1),
        }

    set_blocked(True)
    refused = call_data("AccountBlocked(address)", address_of(6))
    for sender, to in ((6, 1), (1, 6)):
        assert node.error("eth_call", transfer(sender, to), "latest").data == refused
    assert int(node("eth_call", transfer(1, 2), "latest"), 16) == 1
    assert int(node("eth_call", transfer(6, 1, TEST_TOKEN_ADDRESS), "latest"), 16) == 1
    set_blocked(False)
    for sender, to in ((6, 1), (1, 6)):
        assert int(node("eth_call", transfer(sender, to), "latest"), 16) == 1

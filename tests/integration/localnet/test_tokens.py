"""The test token on any development node."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from earnest.localnet.accounts import dev_accounts
from earnest.localnet.errors import TestTokenUnavailable
from earnest.localnet.tokens import TEST_TOKEN_ADDRESS, TEST_TOKEN_GRANT_BASE_UNITS, install_test_token
from tests.integration.localnet.nodes import ChainProcess, anvil
from tests.unit.localnet.calls import ChainCalls, address_of, call_data


@pytest.fixture(params=["embedded", "anvil"])
def fresh_node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ChainCalls]:
    if request.param == "anvil":
        with anvil() as calls:
            yield calls
        return
    chain = ChainProcess(tmp_path, arguments=("--settle-seconds", "0", "--no-test-token"))
    yield chain.calls
    chain.stop()


def test_the_token_is_installed_once_at_its_address(fresh_node: ChainCalls) -> None:
    assert fresh_node("eth_getCode", TEST_TOKEN_ADDRESS, "latest") == "0x"
    assert install_test_token(fresh_node.request) == TEST_TOKEN_ADDRESS
    for account in dev_accounts():
        assert fresh_node.tokens(account.address) == TEST_TOKEN_GRANT_BASE_UNITS
    height = fresh_node.height()
    install_test_token(fresh_node.request)
    assert fresh_node.height() == height


def test_an_interrupted_installation_is_completed(fresh_node: ChainCalls) -> None:
    install_test_token(fresh_node.request)
    fresh_node.send_tokens(address_of(2), TEST_TOKEN_GRANT_BASE_UNITS, index=7)
    assert fresh_node.tokens(address_of(7)) == 0
    install_test_token(fresh_node.request)
    assert fresh_node.tokens(address_of(7)) == TEST_TOKEN_GRANT_BASE_UNITS
    assert fresh_node.tokens(address_of(2)) == 2 * TEST_TOKEN_GRANT_BASE_UNITS


def test_a_used_first_account_makes_the_address_unreachable(fresh_node: ChainCalls) -> None:
    fresh_node.send_coin(0)
    with pytest.raises(TestTokenUnavailable, match="which has sent 1 txs"):
        install_test_token(fresh_node.request)


def test_a_node_that_does_not_answer_is_named_as_the_reason() -> None:
    with pytest.raises(TestTokenUnavailable, match="does not answer eth_chainId"):
        install_test_token("http://127.0.0.1:9")


def test_the_token_knows_both_signature_ways(node: ChainCalls) -> None:
    for view in ("DOMAIN_SEPARATOR()", "eip712Domain()"):
        assert len(node("eth_call", {"to": TEST_TOKEN_ADDRESS, "data": call_data(view)}, "latest")) >= 66
    nonces = call_data("nonces(address)", address_of(1))
    assert int(node("eth_call", {"to": TEST_TOKEN_ADDRESS, "data": nonces}, "latest"), 16) == 0
    used = call_data("authorizationState(address,bytes32)", address_of(1), bytes(32))
    assert int(node("eth_call", {"to": TEST_TOKEN_ADDRESS, "data": used}, "latest"), 16) == 0

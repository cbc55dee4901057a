"""The same tests on two nodes: the embedded chain behind HTTP, and anvil."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from earnest.localnet.tokens import install_test_tokens
from tests.integration.localnet.nodes import ChainProcess, anvil
from tests.unit.localnet.calls import ChainCalls


@pytest.fixture(scope="session")
def embedded_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChainProcess]:
    chain = ChainProcess(tmp_path_factory.mktemp("chain"))
    yield chain
    chain.stop()


@pytest.fixture(scope="module", params=["embedded", "anvil"])
def shared_node(request: pytest.FixtureRequest) -> Iterator[ChainCalls]:
    if request.param == "embedded":
        yield request.getfixturevalue("embedded_process").calls
        return
    with anvil() as calls:
        install_test_tokens(calls.request)
        yield calls


@pytest.fixture
def node(shared_node: ChainCalls) -> Iterator[ChainCalls]:
    """A node with the test tokens; what a test does to it is undone."""
    snapshot = shared_node("evm_snapshot")
    yield shared_node
    shared_node("evm_setAutomine", True)
    assert shared_node("evm_revert", snapshot)

"""One chain in memory for the whole room's tests; each test gets it back as it was fresh."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from earnest.localnet.inprocess import EmbeddedChain
from tests.unit.localnet.calls import ChainCalls


@pytest.fixture(scope="session")
def shared_chain() -> Iterator[EmbeddedChain]:
    with EmbeddedChain() as chain:
        yield chain


@pytest.fixture
def chain(shared_chain: EmbeddedChain) -> Iterator[ChainCalls]:
    snapshot = shared_chain.request("evm_snapshot")
    yield ChainCalls(shared_chain.request)
    shared_chain.request("earnest_faults")
    shared_chain.request("evm_setAutomine", [True])
    assert shared_chain.request("evm_revert", [snapshot])

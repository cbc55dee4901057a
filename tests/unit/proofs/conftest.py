"""One embedded chain in this process with payments on it, and their proofs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from earnest.chain.proofs.prover import Prover
from earnest.localnet.inprocess import EmbeddedChain
from tests.support.provable import EmbeddedNode, Town, whole_life


@pytest.fixture(scope="session")
def chain() -> Iterator[EmbeddedChain]:
    with EmbeddedChain() as opened:
        yield opened


@pytest.fixture(scope="session")
def node(chain: EmbeddedChain) -> EmbeddedNode:
    return EmbeddedNode(chain)


@pytest.fixture(scope="session")
def town(node: EmbeddedNode) -> Town:
    return Town(node)


@pytest.fixture(scope="session")
def life(town: Town) -> bytes:
    """The proof of a payment with five events in five blocks, and the storage after them."""
    return Prover(town.node).prove(town.wanted(whole_life(town)))


@pytest.fixture(scope="session")
def at_once(town: Town) -> bytes:
    """The proof of a payment whose delivery and release are two logs of one tx."""
    terms = town.at_once()
    town.fund(terms)
    town.confirm(terms)
    return Prover(town.node).prove(town.wanted(terms))

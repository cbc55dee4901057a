"""The real contract on the embedded chain in this process, mirrored on each of the databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from earnest.localnet.inprocess import EmbeddedChain
from earnest.store import Store
from tests.integration.mirror.yard import Yard
from tests.support.provable import EmbeddedNode, Town
from tests.support.stores import postgres_template, sqlite_template, store

__all__ = ["postgres_template", "sqlite_template", "store"]


@pytest.fixture(scope="session")
def town() -> Iterator[Town]:
    with EmbeddedChain() as chain:
        yield Town(EmbeddedNode(chain))


@pytest.fixture
def yard(town: Town, store: Store, tmp_path: Path) -> Iterator[Yard]:
    """The town with an empty mirror; what a test does to the chain is undone."""
    snapshot = town.node.call("evm_snapshot")
    yield Yard(town, store, tmp_path / "replays")
    assert town.node.call("evm_revert", (snapshot,))

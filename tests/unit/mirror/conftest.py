"""A mirror on a database in memory."""

from __future__ import annotations

import pytest

from earnest.mirror import ChainMirror
from earnest.store import Store
from tests.support.ledger import FakeChain
from tests.support.stores import make_mirror, memory_store

__all__ = ["memory_store"]


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def mirror(memory_store: Store) -> ChainMirror:
    return make_mirror(memory_store)

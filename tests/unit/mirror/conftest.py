"""A mirror on a database in memory, or in a file."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from earnest.mirror import ChainMirror
from earnest.store import Store, open_store
from tests.support.ledger import FakeChain
from tests.support.stores import make_mirror, memory_store, sqlite_template

__all__ = ["memory_store", "sqlite_template"]


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


@pytest.fixture
def mirror(memory_store: Store) -> ChainMirror:
    return make_mirror(memory_store)


@pytest.fixture
def file_store(sqlite_template: Path, tmp_path: Path) -> Iterator[Store]:
    """A store in a file, which a second client can open too."""
    path = shutil.copy(sqlite_template, tmp_path / "earnest.db")
    with closing(open_store(f"sqlite:///{path}")) as in_a_file:
        yield in_a_file

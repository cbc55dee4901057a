"""The house that the API's tests live in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.api.house import House, open_house


@pytest.fixture
def house() -> Iterator[House]:
    """A house on SQLite with the merchant `mer_1`, a key for everything, and one mirrored block."""
    with open_house() as opened:
        yield opened


@pytest.fixture(scope="module")
def shared() -> Iterator[House]:
    """One house for tests that leave it as they found it."""
    with open_house() as opened:
        yield opened

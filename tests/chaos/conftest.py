"""The tests' order."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the kills, which take longest: what is left then fits in beside the first of them."""
    places = [place for place, item in enumerate(items) if Path(__file__).parent in item.path.parents]
    ordered = sorted((items[place] for place in places), key=lambda item: item.path.stem != "test_kills")
    for place, item in zip(places, ordered, strict=True):
        items[place] = item

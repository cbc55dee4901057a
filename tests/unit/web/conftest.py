"""The house of the API's tests, with the pages in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from fastapi import FastAPI

from earnest.web import add_pages
from earnest.wiring.pages import make_site
from tests.unit.api.house import House, open_house


@pytest.fixture
def house() -> Iterator[House]:
    """A house on SQLite with one merchant, whose pages are served."""
    with open_house() as opened:
        add_pages(cast(FastAPI, opened.client.app), make_site(opened.services))
        yield opened

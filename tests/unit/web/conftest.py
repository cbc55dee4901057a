"""The house of the API's tests, with the pages in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
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


@pytest.fixture
def patient_house() -> Iterator[House]:
    """The same, for whoever signs in and asks for pages more often than one address may within a few seconds."""
    with open_house() as opened:
        site = make_site(opened.services)
        assert site.desk is not None
        desk = replace(site.desk, admit_sign_in=lambda address: None)
        add_pages(cast(FastAPI, opened.client.app), replace(site, admit=lambda address: None, desk=desk))
        yield opened

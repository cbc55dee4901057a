"""The house of the API's tests, with the pages in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest
from fastapi import FastAPI

from earnest.web import Site, add_pages
from earnest.wiring.pages import make_site
from tests.support.applications import share_routes
from tests.unit.api.house import House, open_house


@pytest.fixture
def house() -> Iterator[House]:
    """A house on SQLite with one merchant, whose pages are served."""
    with open_house() as opened:
        with_pages(opened, make_site(opened.services))
        yield opened


@pytest.fixture
def patient_house() -> Iterator[House]:
    """The same, for whoever signs in and asks for pages more often than one address may within a few seconds."""
    with open_house() as opened:
        site = make_site(opened.services)
        assert site.desk is not None
        desk = replace(site.desk, admit_sign_in=lambda address: None)
        with_pages(opened, replace(site, admit=lambda address: None, desk=desk))
        yield opened


def with_pages(house: House, site: Site) -> None:
    app = cast(FastAPI, house.client.app)
    add_pages(app, site)
    share_routes(app)

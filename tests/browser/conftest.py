"""One stack and one browser for all tests: each takes seconds to start."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Browser, sync_playwright

from deploy.tools.browser import CHROMIUM_OPTIONS, find_chromium
from earnest.testing.stack import LocalStack
from tests.browser.shop import Shop


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real Chromium; under CI it has to be there."""
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("MISSING: Chromium (apt-get install chromium; under CI the test command does it)")
    with (
        sync_playwright() as playwright,
        closing(playwright.chromium.launch(executable_path=str(chromium), args=CHROMIUM_OPTIONS)) as started,
    ):
        yield started


@pytest.fixture(scope="session")
def opened_shop(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A shop on a stack."""
    with LocalStack(tmp_path_factory.mktemp("stack")) as stack, closing(Shop(stack, browser)) as shop:
        yield shop


@pytest.fixture
def shop(opened_shop: Shop) -> Iterator[Shop]:
    """The shop; afterwards no page may have complained (a script that failed, a policy that was broken)."""
    yield opened_shop
    assert opened_shop.leave() == []

"""Who may talk to the chain from a browser."""

from __future__ import annotations

import pytest

from earnest.localnet.http import is_loopback, may_ask


@pytest.mark.parametrize("host", ["localhost", "shop.localhost", "127.0.0.1", "127.9.9.9", "::1"])
def test_loopback_names_are_welcome(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", [None, "", "example.com", "localhost.example.com", "10.0.0.1", "0.0.0.0", "127.0.0.1.nip.io"]
)
def test_other_names_are_not(host: str | None) -> None:
    assert not is_loopback(host)


@pytest.mark.parametrize("origin", ["http://localhost:8000", "https://127.0.0.1", "chrome-extension://abcdef"])
def test_loopback_pages_and_wallets_may_ask(origin: str) -> None:
    assert may_ask(origin)


@pytest.mark.parametrize(
    "origin", ["https://example.com", "null", "file://", "", "ftp://localhost", "http://evil.test/localhost"]
)
def test_pages_from_elsewhere_may_not(origin: str) -> None:
    assert not may_ask(origin)

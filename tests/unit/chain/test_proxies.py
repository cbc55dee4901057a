"""A proxy that the environment names is gone through, and only by those who have to."""

from __future__ import annotations

import httpx
import pytest

from earnest.chain.proxies import proxy_for


@pytest.fixture(autouse=True)
def no_other_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http", "https", "all", "no"):
        for each in (f"{name}_proxy", f"{name}_proxy".upper()):
            monkeypatch.delenv(each, raising=False)


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://node.example", None),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "https://node.example/v2/key", "http://proxy.example:3128"),
        ({"HTTPS_PROXY": "http://proxy.example:3128"}, "http://node.example", None),
        ({"https_proxy": "proxy.example:3128"}, "https://node.example", "http://proxy.example:3128"),
        ({"ALL_PROXY": "http://proxy.example"}, "http://node.example", "http://proxy.example"),
        ({"ALL_PROXY": "http://proxy.example"}, "http://127.0.0.1:8545", None),
        ({"ALL_PROXY": "http://proxy.example"}, "http://user:word@localhost:8545", None),
        ({"ALL_PROXY": "http://proxy.example", "NO_PROXY": "other.example,.example"}, "http://node.example", None),
        ({"ALL_PROXY": "http://proxy.example", "NO_PROXY": "node.example:1"}, "http://a:b@node.example:1", None),
    ],
)
def test_the_environment_names_the_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: str | None
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(httpx.URL(url)) == proxy

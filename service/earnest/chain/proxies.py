"""Through which proxy a node is reached: what the environment says, as everywhere (`HTTPS_PROXY`, `NO_PROXY`, …)."""

from __future__ import annotations

from typing import Final
from urllib.request import getproxies, proxy_bypass

import httpx

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def is_loopback(url: httpx.URL) -> bool:
    """Return whether a URL names this machine, which is never reached through a proxy."""
    return url.host in _LOOPBACK


def proxy_for(url: httpx.URL) -> str | None:
    """Return the proxy's URL, None where there is none on the way."""
    named = getproxies()
    proxy = named.get(url.scheme) or named.get("all")
    if not proxy or is_loopback(url) or proxy_bypass(url.netloc.decode("ascii").rpartition("@")[2]):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"

"""Where a webhook may go: https only, and never to an address inside somebody's own network."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from earnest.webhooks.errors import InvalidWebhookUrl, TargetRefused, TargetUnresolved

MAX_URL_LENGTH: Final = 2_048

Resolver = Callable[[str, int], list[str]]
"""From a host's name and port to its addresses as text; raises `TargetUnresolved`."""

_NOT_PUBLIC_V4: Final = tuple(
    IPv4Network(each)
    for each in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
"""IANA's IPv4 special-purpose registry, with multicast and the 6to4 relays; written out, since what the standard
library calls private changes from one Python to the next."""
_PUBLIC_V6: Final = IPv6Network("2000::/3")
"""The only IPv6 range that is handed out for the public network (RFC 4291)."""
_NOT_PUBLIC_V6: Final = tuple(IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "3fff::/20", "2002::/16"))
"""Inside it: protocol assignments with Teredo, documentation, and 6to4, which wraps any IPv4 address."""
_NAT64: Final = IPv6Network("64:ff9b::/96")
"""The well-known prefix: a gateway turns the last 32 bits into an IPv4 address (RFC 6052)."""


@dataclass(frozen=True, slots=True)
class Target:
    """A checked URL in its parts; `host` is the name for TLS and for the Host header, without brackets."""

    url: str
    scheme: str
    host: str
    port: int


def parse_target(url: str, *, allow_private: bool) -> Target:
    """Parse the URL of an endpoint.

    Args:
        url: absolute; no user, no password, no fragment.
        allow_private: the developer's stack: http and addresses of one's own network are allowed.

    Raises:
        InvalidWebhookUrl: it cannot be an endpoint.
        TargetRefused: it names a private address or this machine outright.
    """
    parts, port = _split(url)
    if parts.scheme not in ("https", "http"):
        raise InvalidWebhookUrl(f"a webhook URL begins with https://, not with {parts.scheme or 'nothing'}")
    if parts.scheme == "http" and not allow_private:
        raise InvalidWebhookUrl("a webhook URL begins with https://: what is posted is signed, not secret, without it")
    if parts.username is not None or parts.password is not None:
        raise InvalidWebhookUrl("a webhook URL holds no user and no password; the signature proves who sends")
    if parts.fragment:
        raise InvalidWebhookUrl("a webhook URL has no fragment")
    host = (parts.hostname or "").rstrip(".")
    if not host or "%" in host:
        raise InvalidWebhookUrl("a webhook URL names a host (an address with a zone is none)")
    if not allow_private and (host == "localhost" or host.endswith(".localhost")):
        raise TargetRefused(f"{host} is this machine; a webhook goes to a public address")
    literal = _literal(host)
    if literal is not None and not allow_private and not is_public(literal):
        raise TargetRefused(f"{host} is not a public address")
    return Target(url, parts.scheme, host, port or (443 if parts.scheme == "https" else 80))


def checked_addresses(target_host: str, port: int, resolve: Resolver, *, allow_private: bool) -> list[str]:
    """Return the addresses to connect to, every one of them checked.

    One bad address among good ones refuses the host: names that lead to both are how DNS is used to get inside.

    Raises:
        TargetRefused: one of them is not public.
        TargetUnresolved: there is none.
    """
    found = resolve(target_host, port)
    if not found:
        raise TargetUnresolved(f"{target_host} has no address")
    for text in found:
        address = _literal(text)
        if address is None or (not allow_private and not is_public(address)):
            raise TargetRefused(f"{target_host} leads to {text}, which is not a public address")
    return found


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the public network; what wraps an IPv4 address is judged by that address.

    Source: IANA's special-purpose address registries (RFC 6890), RFC 4291 (mapped), RFC 6052 (NAT64).
    """
    if isinstance(address, IPv4Address):
        return not any(address in each for each in _NOT_PUBLIC_V4)
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _PUBLIC_V6 and not any(address in each for each in _NOT_PUBLIC_V6)


def resolve_by_system(host: str, port: int) -> list[str]:
    """Resolve a name as this machine does."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TargetUnresolved(f"{host} cannot be resolved: {error}") from error
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _split(url: str) -> tuple[SplitResult, int | None]:
    if not isinstance(url, str) or len(url) > MAX_URL_LENGTH:
        raise InvalidWebhookUrl(f"a webhook URL has at most {MAX_URL_LENGTH} characters")
    if not url.isascii() or any(ord(char) <= 0x20 or char in '\\"<>' for char in url):
        raise InvalidWebhookUrl("a webhook URL is ASCII without blanks; write other letters in punycode or as %xx")
    try:
        parts = urlsplit(url)
        return parts, parts.port
    except ValueError as error:
        raise InvalidWebhookUrl(f"not a URL: {error}") from None

"""Where webhooks may go, by properties over every range that is not the public network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earnest.webhooks.errors import InvalidWebhookUrl, TargetRefused, TargetUnresolved
from earnest.webhooks.targets import checked_addresses, is_public, parse_target

PRIVATE_V4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32",
]  # fmt: skip
PRIVATE_V6 = [
    "::/128", "::1/128", "::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:db8::/32", "3fff::/20", "2002::/16",
    "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]

private_v4 = st.sampled_from(PRIVATE_V4).flatmap(lambda text: st.ip_addresses(v=4, network=text))
private_v6 = st.sampled_from(PRIVATE_V6).flatmap(lambda text: st.ip_addresses(v=6, network=text))


@settings(deadline=None)
@given(private_v4)
def test_no_private_ipv4_address_is_public_in_any_wrapping(address: IPv4Address) -> None:
    assert not is_public(address)
    number = int(address)
    wrapped = {
        "mapped": IPv6Address((0xFFFF << 32) | number),
        "compatible": IPv6Address(number),
        "NAT64": IPv6Address((0x64FF9B << 96) | number),
        "6to4": IPv6Address((0x2002 << 112) | (number << 80)),
        "Teredo": IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF)),
    }
    assert ip_address("64:ff9b::a00:1") == IPv6Address((0x64FF9B << 96) | 0x0A000001)
    for name, each in wrapped.items():
        assert not is_public(each), name


@settings(deadline=None)
@given(private_v6)
def test_no_private_ipv6_address_is_public(address: IPv6Address) -> None:
    assert not is_public(address)


@settings(deadline=None)
@given(st.ip_addresses())
def test_what_is_public_is_so_for_the_standard_library_too(address: IPv4Address | IPv6Address) -> None:
    if is_public(address):
        plain = IPv4Address(int(address) & 0xFFFFFFFF) if address in ip_network("64:ff9b::/96") else address
        assert plain.is_global


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_are_let_through(text: str) -> None:
    assert is_public(ip_address(text))
    assert checked_addresses("shop.example", 443, lambda _host, _port: [text], allow_private=False) == [text]


@pytest.mark.parametrize("zone", ["fe80::1%eth0", "2606:4700::1111%eth0"])
def test_an_address_with_a_zone_is_refused(zone: str) -> None:
    assert not is_public(ip_address(zone))
    with pytest.raises(InvalidWebhookUrl):
        parse_target(f"https://[{zone}]/", allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://10.1.2.3/x", "https://169.254.169.254/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
        "https://localhost/", "https://LOCALHOST./", "https://a.localhost/", "https://[64:ff9b::7f00:1]/", "https://0.0.0.0/",
        "https://[fd00::1]:8443/",
    ],
)  # fmt: skip
def test_a_url_that_names_a_private_address_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        parse_target(url, allow_private=False)
    assert parse_target(url, allow_private=True).url == url


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "//shop.example", "http://shop.example", "file:///etc/passwd", "gopher://x", "https://", "https:///x",
        "https://u@shop.example", "https://u:p@shop.example", "https://shop.example:99999", "https://shop.example:x",
        "https://shop.example/#f", "https://shop example/", "https://shop.example/\r\nX: y", "https://caf\u00e9.example/",
        "https://[::1", "https://shop.example\\@10.0.0.1/", "https://" + "a" * 2_050,
    ],
)  # fmt: skip
def test_what_is_no_endpoints_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidWebhookUrl):
        parse_target(url, allow_private=False)


def test_the_parts_of_a_good_url() -> None:
    target = parse_target("https://Shop.Example:8443/a?b=c", allow_private=False)
    assert (target.host, target.port, target.scheme) == ("shop.example", 8443, "https")
    assert parse_target("http://10.0.0.1/", allow_private=True).port == 80


@pytest.mark.parametrize("text", ["127.0.0.1", "10.0.0.1", "::1", "::ffff:192.168.0.1", "fe80::1%2", "not an address"])
def test_one_bad_address_among_good_ones_refuses_the_host(text: str) -> None:
    with pytest.raises(TargetRefused, match="not a public address"):
        checked_addresses("shop.example", 443, lambda _host, _port: ["1.1.1.1", text], allow_private=False)


def test_numbers_in_disguise_are_judged_by_what_they_resolve_to() -> None:
    for disguise in ("2130706433", "0x7f.1", "127.1", "017700000001"):
        assert parse_target(f"https://{disguise}/", allow_private=False).host == disguise
        with pytest.raises(TargetRefused):
            checked_addresses(disguise, 443, lambda _host, _port: ["127.0.0.1"], allow_private=False)


def test_a_name_without_an_address_may_have_one_later() -> None:
    with pytest.raises(TargetUnresolved) as unresolved:
        checked_addresses("shop.example", 443, lambda _host, _port: [], allow_private=False)
    assert unresolved.value.retryable


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text: str) -> None:
    for candidate in (text, f"https://{text}"):
        try:
            target = parse_target(candidate, allow_private=False)
        except InvalidWebhookUrl:
            continue
        assert target.scheme == "https"
        assert target.host

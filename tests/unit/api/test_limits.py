"""Who counts as one caller."""

from __future__ import annotations

import pytest

from earnest.api.errors import TooManyRequests
from earnest.api.limits import TokenBuckets


def test_a_whole_ipv6_network_is_one_caller() -> None:
    buckets = TokenBuckets(0.1, 2, lambda: 0.0)
    buckets.take("2001:db8:1:2::1")
    buckets.take("2001:db8:1:2:ffff::9")
    with pytest.raises(TooManyRequests):
        buckets.take("2001:db8:1:2:aaaa:bbbb:cccc:dddd")
    buckets.take("2001:db8:1:3::1")


def test_an_ipv4_address_is_the_same_caller_in_either_form_and_its_neighbour_another() -> None:
    buckets = TokenBuckets(0.1, 1, lambda: 0.0)
    buckets.take("192.0.2.1")
    with pytest.raises(TooManyRequests):
        buckets.take("::ffff:192.0.2.1")
    for other in ("192.0.2.2", "::ffff:192.0.2.3", "key_1", "unknown", "odd:name"):
        buckets.take(other)

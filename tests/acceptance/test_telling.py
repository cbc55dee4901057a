"""A merchant's rule on the whole house: small sums by webhook at once, large ones only when they are final."""

from __future__ import annotations

import json
from collections.abc import Generator

import pytest

from earnest.payment.primitives import ZERO_ADDRESS
from tests.acceptance.bad_input import PATIENCE_SECONDS, Shop, earnest

SMALL, LARGE = {"value": "0.01", "token": "ETH"}, {"value": "0.02", "token": "ETH"}
LARGE_WEI = 2 * 10**16


@pytest.fixture
def ruled(shop: Shop) -> Generator[Shop]:
    """The shop, whose merchant is told of large sums when they are final; the rule is gone again afterwards."""
    assert tell(shop, f"{ZERO_ADDRESS}:final:{LARGE_WEI}") == [f"{ZERO_ADDRESS}:final:{LARGE_WEI}"]
    yield shop
    assert tell(shop, "--at-once") == []


def tell(shop: Shop, *rule: str) -> list[str]:
    said = earnest("merchant", "tell", shop.account.id, *rule, env={"EARNEST_DATA_DIR": str(shop.stack.data_dir)})
    assert said.status == 0, said.err
    return list(json.loads(said.out)["tell"])


def heard(shop: Shop, payment: str) -> list[tuple[str, str]]:
    received = [each for each in shop.receiver.received if each.payment_id == payment]
    return [(each.type, each.body["data"]["finality"]) for each in received]


def test_a_small_sum_comes_by_webhook_at_once_and_a_large_one_when_it_is_final(ruled: Shop) -> None:
    (small, small_terms), (large, large_terms) = ruled.create(SMALL), ruled.create(LARGE)
    ruled.fund(large_terms)
    ruled.fund(small_terms)
    ruled.wait_status(large, "funded")
    ruled.receiver.wait_for("payment.funded", small, timeout=PATIENCE_SECONDS)
    for each in (small, large):
        ruled.receiver.wait_for("payment.finalized", each, timeout=PATIENCE_SECONDS)
    assert heard(ruled, small) == [("payment.funded", "included"), ("payment.finalized", "final")]
    assert heard(ruled, large) == [("payment.funded", "final"), ("payment.finalized", "final")]

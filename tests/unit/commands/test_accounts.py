"""Accounts and API keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from earnest.commands.create_key import create_key, hash_secret
from earnest.commands.create_merchant import NewMerchant, create_merchant
from earnest.commands.errors import UnknownScope
from earnest.commands.revoke_key import revoke_key
from earnest.payment.errors import InvalidInput, NotFound, TermOutOfBounds
from earnest.payment.primitives import ZERO_ADDRESS
from earnest.payment.terms import DAY, HOUR
from earnest.store import Store
from tests.support.ledger import ARBITER, FEES, OPERATOR, PAYOUT, START
from tests.unit.api.house import opened

GOOD = NewMerchant(
    name="Shop",
    payout=PAYOUT,
    operator=OPERATOR,
    arbiter=ARBITER,
    fee_recipient=FEES,
    fee_bps=100,
    dispute_window=HOUR,
    arbitration_period=DAY,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with the merchant `mer_1`."""
    with opened(tmp_path) as store:
        yield store


def test_an_account_is_kept_as_it_was_opened(store: Store) -> None:
    merchant = create_merchant(store, GOOD, START)
    with store.read() as tx:
        assert tx.merchants.get(merchant.id) == merchant
    assert merchant.id.startswith("mer_")
    assert create_merchant(store, GOOD, START).id != merchant.id


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"payout": ZERO_ADDRESS}, "merchant"),
        ({"arbiter": PAYOUT}, "arbiter"),
        ({"arbiter": OPERATOR}, "arbiter"),
        ({"arbiter": ZERO_ADDRESS}, "dispute_window"),
        ({"dispute_window": 0}, "dispute_window"),
        ({"dispute_window": 60}, "dispute_window"),
        ({"fee_bps": 10_001}, "fee_bps"),
        ({"fee_bps": 0}, "fee_bps"),
        ({"delivery_period": 0}, "delivery_period"),
        ({"payment_window": 0}, "payment_window"),
        ({"payment_window": 401 * DAY}, "payment_window"),
        ({"safe_depth_blocks": -1}, "safe_depth_blocks"),
    ],
)
def test_an_account_whose_payments_could_never_be_funded_is_not_opened(
    store: Store, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_merchant(store, replace(GOOD, **changes), START)
    assert refused.value.param == param
    assert isinstance(refused.value, TermOutOfBounds | InvalidInput)


def test_a_key_is_kept_as_its_hash_only(store: Store, tmp_path: Path) -> None:
    made = create_key(store, "mer_1", now=START)
    assert made.secret.startswith("ek_test_")
    assert len(made.secret) == len("ek_test_") + 43
    assert made.key.hash == hash_secret(made.secret)
    assert made.secret not in repr(made)
    assert made.secret.encode() not in b"".join(each.read_bytes() for each in tmp_path.iterdir())
    with store.read() as tx:
        assert tx.keys.find(hash_secret(made.secret)) == made.key
    assert create_key(store, "mer_1", now=START, live=True).secret.startswith("ek_live_")


def test_a_key_that_could_do_nothing_is_not_made(store: Store) -> None:
    with pytest.raises(NotFound):
        create_key(store, "mer_none", now=START)
    with pytest.raises(UnknownScope, match="payments:read"):
        create_key(store, "mer_1", now=START, scopes=["payments:pay"])
    with pytest.raises(InvalidInput, match="without a scope"):
        create_key(store, "mer_1", now=START, scopes=[])
    with pytest.raises(InvalidInput, match="expire"):
        create_key(store, "mer_1", now=START, expires_at=START)


def test_revoking_twice_keeps_the_first_time(store: Store) -> None:
    key = create_key(store, "mer_1", now=START).key
    for at in (START + 1, START + 2):
        revoke_key(store, "mer_1", key.id, at)
    with store.read() as tx:
        (kept,) = tx.keys.list("mer_1")
    assert kept.revoked_at == START + 1
    with pytest.raises(NotFound):
        revoke_key(store, "mer_2", key.id, START)

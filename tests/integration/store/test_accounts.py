"""Merchants, their API keys and their webhook endpoints."""

from __future__ import annotations

from dataclasses import replace

import pytest

from earnest.store import Store
from earnest.store.errors import AlreadyThere
from earnest.store.records import ApiKey, Endpoint
from tests.support.ledger import MERCHANT, START

OTHER = replace(MERCHANT, id="mer_2", name="Ein Laden für Käse", created_at=START + 1)
KEY = ApiKey("key_1", MERCHANT.id, "aa" * 32, "ek_test_ab12…", frozenset({"payments:read", "refunds:write"}), START)
ENDPOINT = Endpoint("we_1", MERCHANT.id, "https://shop.test/hook", frozenset({"payment.funded"}), b"\x00secret", START)


def test_merchants_come_back_as_they_were_oldest_first(store: Store) -> None:
    with store.transaction() as tx:
        tx.merchants.add(OTHER)
    with store.read() as tx:
        assert tx.merchants.list() == [MERCHANT, OTHER]
        assert tx.merchants.get(OTHER.id) == OTHER
        assert tx.merchants.get("mer_3") is None
        assert tx.merchants.many([MERCHANT.id, "mer_3"]) == {MERCHANT.id: MERCHANT}
        assert tx.merchants.many([]) == {}


def test_a_key_is_found_by_the_hash_of_its_secret(store: Store) -> None:
    limited = replace(KEY, id="key_2", hash="bb" * 32, created_at=START + 1, expires_at=START + 10, scopes=frozenset())
    limited = replace(limited, name="Ann <b>\u5c0f\u674e</b>")
    with store.transaction() as tx:
        tx.keys.add(KEY)
        tx.keys.add(limited)
    with store.read() as tx:
        assert tx.keys.find(KEY.hash) == KEY
        assert tx.keys.find("cc" * 32) is None
        assert tx.keys.list(MERCHANT.id) == [limited, KEY]
        assert tx.keys.list("mer_2") == []


def test_two_keys_with_one_hash_are_refused(store: Store) -> None:
    with pytest.raises(AlreadyThere), store.transaction() as tx:
        tx.keys.add(KEY)
        tx.keys.add(replace(KEY, id="key_2"))


def test_a_key_is_revoked_once_and_for_all(store: Store) -> None:
    with store.transaction() as tx:
        tx.keys.add(KEY)
        assert tx.keys.revoke(KEY.id, START + 5)
        assert tx.keys.revoke(KEY.id, START + 9)
        assert not tx.keys.revoke("key_2", START)
    with store.read() as tx:
        assert tx.keys.find(KEY.hash) == replace(KEY, revoked_at=START + 5)


def test_an_endpoint_belongs_to_its_merchant_alone(store: Store) -> None:
    with store.transaction() as tx:
        tx.merchants.add(OTHER)
        tx.endpoints.add(ENDPOINT)
        assert tx.endpoints.get(MERCHANT.id, ENDPOINT.id) == ENDPOINT
        assert tx.endpoints.get(OTHER.id, ENDPOINT.id) is None
        assert tx.endpoints.list(OTHER.id) == []
        assert not tx.endpoints.update(replace(ENDPOINT, merchant_id=OTHER.id, url="https://evil.test"))
        assert not tx.endpoints.delete(OTHER.id, ENDPOINT.id)
        assert tx.endpoints.list(MERCHANT.id) == [ENDPOINT]


def test_an_endpoint_is_changed_disabled_enabled_and_deleted(store: Store) -> None:
    changed = replace(ENDPOINT, url="https://shop.test/new", types=frozenset(), secret_encrypted=b"\xff")
    with store.transaction() as tx:
        tx.endpoints.add(ENDPOINT)
        assert tx.endpoints.update(changed)
        assert tx.endpoints.disable(ENDPOINT.id, START + 1, "410 Gone")
        assert not tx.endpoints.disable(ENDPOINT.id, START + 2, "again")
        disabled = replace(changed, disabled_at=START + 1, disabled_reason="410 Gone")
        assert tx.endpoints.get(MERCHANT.id, ENDPOINT.id) == disabled
        assert tx.endpoints.update(changed)
        assert tx.endpoints.list(MERCHANT.id) == [changed]
        assert tx.endpoints.delete(MERCHANT.id, ENDPOINT.id)
        assert not tx.endpoints.delete(MERCHANT.id, ENDPOINT.id)

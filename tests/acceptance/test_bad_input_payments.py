"""Requests that ask for what cannot be: each is refused by name, and nothing of it is kept."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from earnest.payment.terms import DAY
from tests.acceptance.bad_input import COIN, Shop, earnest, problem

BUYER = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"
MISTYPED = "0x9965507d1a55bcC2695C58ba16FB37d819B0A4dc"
NO_TOKEN = "0x00000000000000000000000000000000000000AA"

REFUSED: dict[str, tuple[dict[str, Any], str, tuple[str, ...]]] = {
    "unknown symbol": (
        {"amount": {"value": "1", "token": "DOGE"}},
        "unknown_token",
        ("token DOGE is not known on chain 31337", "known there: ETH (0x", "tUSD (0x"),
    ),
    "unknown address": ({"amount": {"value": "1", "token": NO_TOKEN}}, "unknown_token", (NO_TOKEN, "known there")),
    "zero": ({"amount": {"value": "0", "token": "tUSD"}}, "invalid_amount", ("is 0 base units", "over 0")),
    "zero base units": ({"amount": {"base_units": "0", "token": "ETH"}}, "invalid_amount", ("over 0",)),
    "negative": ({"amount": {"value": "-1", "token": "ETH"}}, "invalid_amount", ("'-1' is no amount", "12.50")),
    "2^128": (
        {"amount": {"base_units": str(2**128), "token": "ETH"}},
        "invalid_amount",
        (str(2**128), "under 2^128"),
    ),
    "far over 2^128": ({"amount": {"value": "9" * 60, "token": "tUSD"}}, "invalid_amount", ("under 2^128",)),
    "a digit too many": (
        {"amount": {"value": "0.0000001", "token": "tUSD"}},
        "invalid_amount",
        ("0.0000001 has more than the 6 decimals of tUSD",),
    ),
    "no time to deliver": (
        {"amount": COIN, "delivery_period": 0},
        "term_out_of_bounds",
        ("delivery_period is 0: it must be from 1 to 34560000 seconds",),
    ),
    "over 400 days to deliver": (
        {"amount": COIN, "delivery_period": 400 * DAY + 1},
        "term_out_of_bounds",
        ("delivery_period is 34560001: it must be from 1 to 34560000 seconds",),
    ),
    "too short to dispute": (
        {"amount": COIN, "dispute_window": 3_599},
        "term_out_of_bounds",
        ("dispute_window is 3599: it must be from 3600",),
    ),
    "too short to arbitrate": (
        {"amount": COIN, "arbitration_period": DAY - 1},
        "term_out_of_bounds",
        ("arbitration_period is 86399: it must be from 86400",),
    ),
    "no room for the period": ({"amount": COIN, "delivery_period": 2**32}, "invalid_request", ("delivery_period",)),
    "payable until yesterday": (
        {"amount": COIN, "pay_by": "2020-01-01T00:00:00Z"},
        "term_out_of_bounds",
        ("pay_by is 1577836800: it must lie after the chain's time",),
    ),
    "a mistyped buyer": (
        {"amount": COIN, "buyer": MISTYPED},
        "invalid_address",
        (f"{MISTYPED} has a wrong checksum", f"write it as {BUYER}"),
    ),
    "a buyer cut short": ({"amount": COIN, "buyer": BUYER[:-1]}, "invalid_address", (BUYER[:-1], "40 hexadecimal")),
    "the merchant as buyer": (
        {"amount": COIN, "buyer": "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"},
        "term_out_of_bounds",
        ("buyer is 0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC", "cannot be the merchant"),
    ),
    "whom to pay": ({"amount": COIN, "merchant": BUYER}, "unknown_field", ("merchant: there is no such field",)),
}
"""By name: the body, the problem's code, and what its detail has to say."""


def test_payments_that_cannot_be_are_refused_by_name_and_leave_nothing(shop: Shop) -> None:
    before = shop.ids()
    for name, (body, code, words) in REFUSED.items():
        told = problem(shop.post("/v1/payments", body), 422, code, *words)
        assert not told["retryable"], name
        assert told["param"], name
    assert shop.ids() == before


def test_largest_amount_and_longest_periods_are_taken(shop: Shop) -> None:
    _, terms = shop.create({"base_units": str(2**128 - 1), "token": "ETH"}, delivery_period=400 * DAY, buyer=BUYER)
    assert (terms.amount, terms.delivery_period) == (2**128 - 1, 400 * DAY)


def test_a_corrected_request_may_not_reuse_the_idempotency_key_of_another(shop: Shop) -> None:
    key = {"Idempotency-Key": "bad-input-1"}
    first = shop.post("/v1/payments", {"amount": COIN}, **key)
    problem(
        shop.post("/v1/payments", {"amount": COIN, "buyer": BUYER}, **key), 422, "idempotency_key_reused", "new key"
    )
    again = shop.post("/v1/payments", {"amount": COIN}, **key)
    assert (again.headers["Idempotency-Replayed"], again.json()) == ("true", first.json())


def test_bodies_that_are_no_request_are_refused(shop: Shop) -> None:
    post = shop.http.post
    problem(post("/v1/payments", content=b"{", headers={"Content-Type": "application/json"}), 400, "malformed_json")
    problem(post("/v1/payments", content=b"a=1", headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    huge = b'{"order_reference": "' + b"a" * 70_000 + b'"}'
    problem(post("/v1/payments", content=huge, headers={"Content-Type": "application/json"}), 413, "body_too_large")
    problem(shop.post("/v1/payments", {"amount": COIN, "order_reference": "a\x00b"}), 422, "invalid_input", "printable")
    problem(shop.get("/v1/payments/0x12"), 422, "invalid_hash", "'0x12'", "64 hexadecimal digits")
    problem(shop.get("/v1/payments/0x" + "12" * 32), 404, "not_found", "12" * 32)


@pytest.mark.parametrize("key", ["ek_test_" + "A" * 43, "nonsense", "ek_live_'; drop table api_keys; --"])
def test_a_wrong_key_opens_nothing(shop: Shop, key: str) -> None:
    with shop.as_key(key) as stranger:
        told = problem(stranger.get("/v1/payments"), 401, "unauthenticated", "Authorization: Bearer ek_")
    assert key not in told["detail"]
    problem(httpx.get(f"{shop.stack.api_url}/v1/payments", trust_env=False), 401, "unauthenticated", "ek_")


def test_a_key_without_the_scope_and_a_revoked_one_are_refused(shop: Shop) -> None:
    made = shop.post("/v1/keys", {"scopes": ["payments:read"]}).json()
    with shop.as_key(made["secret"]) as reader:
        assert reader.get("/v1/payments").status_code == 200
        problem(
            reader.post("/v1/payments", json={"amount": COIN}), 403, "missing_scope", "payments:write", "make a key"
        )
        problem(reader.post(f"/v1/payments/{'0x' + '1' * 64}/refund", json={}), 403, "missing_scope", "refunds:write")
        assert shop.http.delete(f"/v1/keys/{made['id']}").status_code == 200
        problem(reader.get("/v1/payments"), 401, "unauthenticated")
    problem(shop.post("/v1/keys", {"scopes": ["everything"]}), 422, "unknown_scope", "everything", "payments:read")


def test_command_line_passes_a_refusal_on(shop: Shop) -> None:
    before = shop.ids()
    settings = {"EARNEST_API_URL": shop.stack.api_url, "EARNEST_API_KEY": shop.account.api_key}
    mistyped = earnest("payment", "create", "12.50", "tUSD", "--buyer", MISTYPED, env=settings)
    mistyped.refuses(1, f"{MISTYPED} has a wrong checksum", f"write it as {BUYER}")
    wrong_key = settings | {"EARNEST_API_KEY": "ek_test_wrong"}
    earnest("payment", "list", env=wrong_key).refuses(1, "give a valid API key")
    assert shop.ids() == before

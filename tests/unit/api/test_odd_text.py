"""Text that a database cannot hold or an answer cannot show is refused as bad input, never a fault of ours."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.unit.api.house import House

ODD = ["\x00", "a\x00b", "\ud800", "\udfff"]


def cursor(*place: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/events/%00",
        "/v1/payments/%00",
        "/v1/webhook_endpoints/%00/deliveries",
        "/v1/payments?order_reference=%00",
        "/v1/payments?token=%00",
    ],
)
def test_a_nul_in_the_address_is_bad_input(shared: House, path: str) -> None:
    answer = shared.get(path)
    assert (answer.status_code, answer.json()["code"]) == (422, "odd_text")


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/payments", '{"amount":{"value":"1","token":%s}}'),
        ("/v1/payments", '{"amount":{"value":"1","token":"USDX"},"order_reference":%s}'),
        ("/v1/payments", '{"amount":{"value":"1","token":"USDX"},%s:1}'),
        ("/v1/webhook_endpoints", '{"url":"https://shop.example/","types":[%s]}'),
        ("/v1/webhook_endpoints/we_1/replay", '{"notification_ids":[%s]}'),
        ("/v1/keys", '{"scopes":[%s]}'),
    ],
)
@pytest.mark.parametrize("key", [None, "odd"])
def test_odd_text_in_a_body_is_bad_input(shared: House, path: str, shape: str, odd: str, key: str | None) -> None:
    headers = {"Content-Type": "application/json", **({"Idempotency-Key": f"{key} {hash(shape + odd)}"} if key else {})}
    answer = shared.call("POST", path, content=shape % json.dumps(odd), headers=headers)
    assert answer.status_code == 422, answer.text


@pytest.mark.parametrize("odd", ODD)
def test_odd_text_in_a_cursor_is_no_cursor_of_ours(shared: House, odd: str) -> None:
    answer = shared.get("/v1/payments", params={"cursor": cursor(1, 1, odd)})
    assert (answer.status_code, answer.json()["param"]) == (422, "cursor")

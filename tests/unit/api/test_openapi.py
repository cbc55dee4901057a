"""The OpenAPI document says what the API does, no more and no less."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earnest.api.errors import TooManyRequests
from earnest.api.limits import TokenBuckets
from earnest.commands.scopes import SCOPES
from earnest.payment.events import EventKind
from tests.unit.api.house import House


@pytest.fixture(scope="module")
def document(shared: House) -> dict[str, Any]:
    return dict(shared.get("/openapi.json", key=None).json())


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(method.upper(), path, each) for path, item in document["paths"].items() for method, each in item.items()]


def test_every_operation_is_described_and_names_its_scope(document: dict[str, Any]) -> None:
    assert len(operations(document)) >= 29
    for method, path, operation in operations(document):
        assert operation["summary"], path
        assert operation["description"], path
        needs = [scope for each in operation["security"] for scope in each["apiKey"]]
        assert set(needs) <= SCOPES.keys()
        assert ("401" in operation["responses"]) == bool(needs), f"{method} {path}"


def test_every_problem_is_documented_as_problem_json(document: dict[str, Any]) -> None:
    for _, path, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) >= 400 and path != "/health/ready":
                assert list(response["content"]) == ["application/problem+json"], (path, status)


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(node: Any) -> list[str]:
        if isinstance(node, dict):
            own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
            return own + [each for value in node.values() for each in references(value)]
        return [each for value in node for each in references(value)] if isinstance(node, list) else []

    found = references(document)
    assert found
    for reference in found:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_every_documented_path_answers_as_documented(house: House, document: dict[str, Any]) -> None:
    """A light check of its own: each operation is asked once, and its status is one that the document names."""
    payment = house.create()["id"]
    house.happen(payment, EventKind.PAYMENT_FUNDED)
    house.node.answers |= {"eth_getBlockByNumber": {"number": "0x1", "hash": "0x", "timestamp": "0x1"}}
    for method, path, operation in sorted(operations(document), key=lambda each: each[0] == "DELETE"):
        filled = path.replace("{id}", payment).replace("{verb}", "release")
        example: dict[str, Any] = {}
        if method != "GET":
            example = {"content": b"{}", "headers": {"Content-Type": "application/json"}}
        answer = house.call(method, filled, **example)
        documented = operation["responses"]
        assert str(answer.status_code) in documented, (method, path, answer.status_code, answer.text)
        assert answer.headers["content-type"].split(";")[0] in documented[str(answer.status_code)].get(
            "content", {answer.headers["content-type"].split(";")[0]: None}
        ), (method, path)


def test_the_page_for_people_loads_nothing_from_elsewhere(shared: House) -> None:
    answer = shared.get("/docs", key=None)
    assert answer.status_code == 200
    assert "/v1/payments/{id}/refund" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    for outside in ("<script", "src=", "https://cdn", "<link"):
        assert outside not in answer.text


@settings(deadline=None)
@given(st.lists(st.floats(0, 5), max_size=60), st.floats(0.1, 10), st.integers(1, 10))
def test_nobody_gets_more_than_the_rate_and_one_burst(waits: list[float], rate: float, burst: int) -> None:
    now = [0.0]
    buckets = TokenBuckets(rate, burst, lambda: now[0])
    let_in = 0
    for wait in waits:
        now[0] += wait
        try:
            buckets.take("caller")
            let_in += 1
        except TooManyRequests as refused:
            assert refused.retry_after_seconds >= 1
    assert let_in <= burst + now[0] * rate + 1e-6


def test_whoever_waits_as_long_as_told_is_let_in() -> None:
    now = [0.0]
    buckets = TokenBuckets(0.3, 1, lambda: now[0])
    buckets.take("caller")
    with pytest.raises(TooManyRequests) as refused:
        buckets.take("caller")
    buckets.take("another caller")
    now[0] += refused.value.retry_after_seconds
    buckets.take("caller")

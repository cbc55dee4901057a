"""What a stranger's tool makes of our description: whatever it allows, and much that it does not, is never a 500."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from earnest.api.app import ROUTERS
from earnest.payment.events import EventKind
from tests.support.ledger import START
from tests.unit.api.house import House, open_house

OPERATIONS = sorted(
    {
        (method, route.path)
        for module in ROUTERS
        for route in module.routes.routes
        for method in route.methods
        if route.include_in_schema
    }
)
UNROUTED = {404, 405}
"""A path whose parameter holds a slash, or nothing at all, is another path."""


@pytest.fixture(scope="module")
def busy() -> Iterator[House]:
    """A house with a payment that has some history, whose node answers as nodes do."""
    with open_house() as house:
        house.node.answers |= {
            "evm_increaseTime": "0x1",
            "evm_mine": "0x0",
            "anvil_reorg": None,
            "earnest_faults": {},
            "eth_getBlockByNumber": {"number": "0x10", "hash": "0x" + "aa" * 32, "timestamp": hex(START)},
        }
        yield house


@pytest.fixture(scope="module")
def names(busy: House) -> dict[str, str]:
    """Real ids, by the beginning of the paths that take them."""
    payment = str(busy.create(order_reference="A-1")["id"])
    endpoint = str(busy.post("/v1/webhook_endpoints", {"url": "https://shop.example/hooks"}).json()["id"])
    busy.happen(payment, EventKind.PAYMENT_FUNDED)
    return {
        "/v1/payments/": payment,
        "/v1/checkout/": payment,
        "/v1/webhook_endpoints/": endpoint,
        "/v1/events/": str(busy.get("/v1/events").json()["data"][0]["id"]),
        "/v1/keys/": "key_of_nobody",
    }


@pytest.fixture(scope="module")
def schema(busy: House) -> Any:
    return schemathesis.openapi.from_dict(busy.get("/openapi.json", key=None).json())


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_is_answered_with_a_500(
    busy: House, names: dict[str, str], schema: Any, method: str, path: str
) -> None:
    operation = schema[path][method]
    real = next((id_ for stem, id_ in names.items() if path.startswith(stem)), None)
    known = {"path_parameters": {"id": real}} if real and re.findall(r"{(\w+)}", path) == ["id"] else {}
    cases = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE, **known),
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE, **known),
    )
    documented = {int(status) for status in operation.definition.raw["responses"]}

    @settings(max_examples=15, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases)
    def ask(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url="http://testserver")
        answer = busy.client.request(
            sent["method"],
            sent["url"],
            params=sent.get("params"),
            headers={**sent["headers"], "Authorization": f"Bearer {busy.key}"},
            json=sent.get("json"),
            content=sent.get("data"),
        )
        assert answer.status_code in documented | UNROUTED | {400, 413, 415}, answer.text
        if answer.status_code >= 400 and path != "/health/ready":
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["request_id"] == answer.headers["x-request-id"]

    ask()

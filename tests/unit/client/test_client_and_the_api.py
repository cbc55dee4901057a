"""The client against the OpenAPI document: every path, parameter and field that it uses is there, with its type."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
import pytest
from fastapi import FastAPI

from earnest.api.app import ROUTERS
from earnest.api.openapi import document
from earnest.client import Client, models

ID = "0x" + "ab" * 32
SCHEMAS_NAMED_OTHERWISE = {
    "Endpoint": ["Endpoint"],
    "Page": ["ListOf_Payment_"],
    # One struct for all three, since they come in one list.
    "TimelineRow": ["TimelineRow", "DepositReturnedRow", "ItemSkippedRow"],
}
NOT_ANSWERED_AS_VALUES = {
    # Bytes are what is checked, and a program's own list of fields would be in the way.
    *("PaymentProof", "ProofBlock", "ProofEvent", "ProofPayment", "ProofReceipt", "ProofState"),
    "Problem",  # an exception
}
NO_CALL = {
    "/metrics": "for Prometheus",
    "/v1/checkout/{id}/stream": "for browsers, by EventSource",
}

CALLS: dict[str, Callable[[Client], Any]] = {
    "create_payment": lambda client: client.create_payment(
        "12.50",
        "USDC",
        order_reference="A-1",
        description="honey",
        buyer="0x" + "ab" * 20,
        pay_by=datetime(2030, 1, 31, tzinfo=UTC),
        delivery_period=1,
        dispute_window=0,
        arbitration_period=0,
        chain="eip155:31337",
    ),
    "payment": lambda client: client.payment(ID),
    "payments": lambda client: list(
        client.payments(
            status=["funded", "delivered"],
            finality="final",
            order_reference="A-1",
            buyer="0x",
            token="USDC",
            chain="eip155:31337",
            created_from=datetime(2030, 1, 31, tzinfo=UTC),
            created_until=datetime(2030, 2, 1, tzinfo=UTC),
        )
    ),
    "timeline": lambda client: client.timeline(ID),
    "sent_txs": lambda client: client.sent_txs(ID),
    "checkout": lambda client: client.checkout(ID),
    "prepare": lambda client: client.prepare(ID, "refund", "0x" + "ab" * 20, amount=5),
    "proof": lambda client: client.proof(ID),
    "confirm_delivery": lambda client: client.confirm_delivery(ID),
    "refund": lambda client: client.refund(ID, 5),
    "release_with_receipt": lambda client: client.release_with_receipt(ID, "0x00"),
    "confirm_delivery_many": lambda client: client.confirm_delivery_many([ID]),
    "release_many": lambda client: client.release_many([ID]),
    "balances": lambda client: client.balances(),
    "balance_rows": lambda client: list(client.balance_rows("held", "USDC", chain="eip155:31337")),
    "settlements_csv": lambda client: client.settlements_csv(
        since=datetime(2030, 1, 31, tzinfo=UTC), until=datetime(2030, 2, 1, tzinfo=UTC), token="USDC", chain="eip155:1"
    ),
    "settings": lambda client: client.settings(),
    "tell_at": lambda client: client.tell_at(("safe", "50", "USDC"), ("final", None, None)),
    "keys": lambda client: client.keys(),
    "create_key": lambda client: client.create_key(
        ["payments:read"], name="Ann", expires_at=datetime(2030, 1, 31, tzinfo=UTC)
    ),
    "revoke_key": lambda client: client.revoke_key("key_1"),
    "audit_log": lambda client: list(client.audit_log()),
    "events": lambda client: list(client.events(payment=ID)),
    "event": lambda client: client.event("msg_1"),
    "stream": lambda client: list(client.stream("msg_0").connection()),
    "create_endpoint": lambda client: client.create_endpoint("https://shop.example", ["payment.funded"]),
    "endpoints": lambda client: client.endpoints(),
    "endpoint": lambda client: client.endpoint("we_1"),
    "test_endpoint": lambda client: client.test_endpoint("we_1"),
    "update_endpoint": lambda client: client.update_endpoint(
        "we_1", url="https://shop.example", types=[], enabled=True
    ),
    "rotate_secret": lambda client: client.rotate_secret("we_1"),
    "delete_endpoint": lambda client: client.delete_endpoint("we_1"),
    "deliveries": lambda client: list(client.deliveries("we_1", state="dead")),
    "replay": lambda client: client.replay("we_1", ["msg_1"]),
    "replay of a range": lambda client: client.replay(
        "we_1", since=datetime(2030, 1, 31, tzinfo=UTC), until=datetime(2030, 2, 1, tzinfo=UTC)
    ),
    "live": lambda client: client.live(),
    "ready": lambda client: client.ready(),
    "sync": lambda client: client.sync(),
    "advance_clock": lambda client: client.advance_clock(60),
    "mine": lambda client: client.mine(2),
    "reorg": lambda client: client.reorg(2),
    "order_faults": lambda client: client.order_faults("delay", "eth_call", times=2, seconds=0.5),
    "ask": lambda client: client.ask("GET", "/v1/keys"),
    "every": lambda client: list(client.every("/v1/payments", {"status": "funded"})),
}


class Described:
    """A service that is nothing but its own description: it refuses what stands not in it, and answers by it."""

    def __init__(self, *, sparse: bool) -> None:
        app = FastAPI()
        for each in ROUTERS:
            app.include_router(each.routes)
        self.document = document(app, "0", "http://described")
        self._sparse = sparse
        self.asked: list[httpx.Request] = []
        self.called: set[tuple[str, str]] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        operation = self._operation(request)
        known = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
        assert set(request.url.params) <= known, f"{request.url}: not in the document"
        if request.content and json.loads(request.content):
            self._check_body(operation, json.loads(request.content))
        status, response = next(each for each in operation["responses"].items() if each[0].startswith("2"))
        schema = response["content"].get("application/json", {}).get("schema")
        if schema is None:
            return httpx.Response(200, text='retry: 1\nid: msg_1\nevent: payment.funded\ndata: {"a": 1}\n\n')
        return httpx.Response(int(status), json=self.instance(schema))

    def _operation(self, request: httpx.Request) -> dict[str, Any]:
        fitting = [
            (path.count("{"), path, item[request.method.lower()])
            for path, item in self.document["paths"].items()
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.url.path) and request.method.lower() in item
        ]
        assert fitting, f"{request.method} {request.url.path} is not in the document"
        _, path, operation = min(fitting, key=lambda each: each[0])
        self.called.add((request.method, path))
        return dict(operation)

    def _check_body(self, operation: dict[str, Any], body: dict[str, Any]) -> None:
        schema = self.resolve(operation["requestBody"]["content"]["application/json"]["schema"])
        for choice in schema.get("anyOf", [schema]):
            shape = self.resolve(choice)
            if "properties" in shape:
                assert set(body) <= shape["properties"].keys()
                assert set(shape.get("required", ())) <= body.keys()

    def resolve(self, schema: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema

    def instance(self, schema: dict[str, Any]) -> Any:
        """Return something that the schema allows; a sparse service leaves null and empty what may be."""
        schema = self.resolve(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return schema["enum"][0]
        if "anyOf" in schema:
            choices = [each for each in schema["anyOf"] if (each.get("type") == "null") == self._sparse]
            return self.instance((choices or schema["anyOf"])[0])
        if "examples" in schema and schema["type"] == "string":
            return schema["examples"][0]
        return self._of_type(schema)

    def _of_type(self, schema: dict[str, Any]) -> Any:
        match schema["type"]:
            case "object":
                return {name: self.instance(each) for name, each in schema.get("properties", {}).items()}
            case "array":
                return [] if self._sparse else [self.instance(schema["items"])]
            case "string":
                digits = re.search(r"\{(\d+)\}", schema.get("pattern", ""))
                return "0x" + "ab" * (int(digits[1]) // 2) if digits else "text"
            case "null":
                return None
            case kind:
                return {"integer": 7, "boolean": False, "number": 0.5}[kind]


@pytest.fixture(scope="module", params=[False, True], ids=["full", "sparse"])
def service(request: pytest.FixtureRequest) -> Described:
    return Described(sparse=request.param)


@pytest.fixture
def client(service: Described) -> Iterator[Client]:
    service.asked.clear()
    with Client("http://described", "ek_test_x", transport=httpx.MockTransport(service)) as made:
        yield made


@pytest.mark.parametrize("call", CALLS)
def test_each_call_is_in_the_document_and_reads_what_it_promises(call: str, client: Client, service: Described) -> None:
    CALLS[call](client)
    (asked,) = service.asked
    assert asked.headers["authorization"] == "Bearer ek_test_x"
    assert ("idempotency-key" in asked.headers) == (asked.method == "POST")


def test_no_call_is_left_out_above() -> None:
    public = {name for name in dir(Client) if not name.startswith("_")} - {"close", "http"}
    assert public == {name for name in CALLS if " " not in name}


def test_every_operation_of_the_document_has_its_call(service: Described) -> None:
    with Client("http://described", "ek_test_x", transport=httpx.MockTransport(service)) as client:
        for call in CALLS.values():
            call(client)
    described = {(method.upper(), path) for path, item in service.document["paths"].items() for method in item}
    assert described - service.called == {("GET", path) for path in NO_CALL}


def structs() -> list[type[msgspec.Struct]]:
    return [each for name in models.__all__ if (each := getattr(models, name)) is not models.Model]


@pytest.mark.parametrize("struct", structs(), ids=lambda each: each.__name__)
def test_a_value_has_every_field_that_is_described_and_no_other(
    struct: type[msgspec.Struct], service: Described
) -> None:
    schemas = service.document["components"]["schemas"]
    properties: dict[str, Any] = {}
    for name in SCHEMAS_NAMED_OTHERWISE.get(struct.__name__, [struct.__name__]):
        properties |= schemas[name]["properties"]
    # What is always the same says nothing: `"object": "payment"`, `"deleted": true`.
    told = {name for name, each in properties.items() if "const" not in each or name in ("event", "type", "status")}
    assert {field.encode_name for field in msgspec.structs.fields(struct)} == told


def test_every_schema_of_an_answer_has_its_value(service: Described) -> None:
    schemas = service.document["components"]["schemas"]
    answered: set[str] = set()
    left: list[Any] = [
        response["content"]
        for item in service.document["paths"].values()
        for operation in item.values()
        for status, response in operation["responses"].items()
        if status.startswith("2") and "content" in response
    ]
    while left:
        each = left.pop()
        if isinstance(each, dict):
            name = str(each.get("$ref", "")).rpartition("/")[2]
            if name and name not in answered:
                answered.add(name)
                left.append(schemas[name])
            left += each.values()
        elif isinstance(each, list):
            left += each
    values = {name for each in structs() for name in SCHEMAS_NAMED_OTHERWISE.get(each.__name__, [each.__name__])}
    lists = {name for name in answered if {"data", "has_more"} <= schemas[name].get("properties", {}).keys()}
    objects = {name for name in answered if schemas[name].get("type") == "object"}
    assert objects - lists - NOT_ANSWERED_AS_VALUES == values - lists


def test_a_webhooks_payment_is_read_as_the_apis(service: Described) -> None:
    data = service.instance({"$ref": "#/components/schemas/Payment"})
    body = {"id": "msg_1", "type": "payment.funded", "timestamp": "2026-01-31T12:00:00Z", "data": data, "events": []}
    event = msgspec.json.decode(json.dumps(body).encode(), type=models.Event)
    assert event.payment.id == event.payment_id == data["id"]

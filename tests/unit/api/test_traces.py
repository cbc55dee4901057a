"""A span for each request, for hosts that want traces, and nothing of it for those that do not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from subprocess import run

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from earnest.wiring.tracing import WANTED_BY, OtelTracer, open_tracer
from tests.unit.api.house import House, open_house


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(exported: InMemorySpanExporter) -> Iterator[House]:
    tracer = OtelTracer(SimpleSpanProcessor(exported))
    with open_house(tracer=tracer) as house:
        yield house
    tracer.close()


def attributes(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def test_a_request_is_a_span_with_its_route_and_status(traced: House, exported: InMemorySpanExporter) -> None:
    payment = traced.create(order_reference="secret-order")["id"]
    exported.clear()
    parent = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"
    headers = {"traceparent": parent, "X-Request-Id": "req-42"}
    traced.get(f"/v1/payments/{payment}?secret=query", headers=headers)
    (span,) = exported.get_finished_spans()
    assert (span.name, span.kind, span.status.status_code) == (
        "GET /v1/payments/{id}",
        SpanKind.SERVER,
        StatusCode.UNSET,
    )
    assert attributes(span) == {
        "http.request.method": "GET",
        "url.path": f"/v1/payments/{payment}",
        "http.route": "/v1/payments/{id}",
        "http.response.status_code": 200,
        "earnest.request_id": "req-42",
    }
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == ("ab" * 16, "cd" * 8)
    assert span.resource.attributes["service.name"] == "earnest"


def test_a_failure_of_ours_marks_its_span_and_a_refusal_does_not(traced: House, exported: InMemorySpanExporter) -> None:
    traced.get("/nowhere")
    traced.node.answers["earnest_faults"] = RuntimeError("a fault")
    assert traced.post("/v1/test/faults", {}).status_code == 500
    refused, failed = exported.get_finished_spans()
    assert (refused.name, refused.status.status_code) == ("GET", StatusCode.UNSET)
    assert (failed.name, failed.status.status_code) == ("POST /v1/test/faults", StatusCode.ERROR)
    assert "a fault" not in str(failed.to_json())


def test_no_span_holds_a_secret(traced: House, exported: InMemorySpanExporter) -> None:
    traced.create(order_reference="secret-order")
    traced.get("/v1/payments?order_reference=secret-order")
    told = "".join(each.to_json() for each in exported.get_finished_spans())
    assert "secret-order" not in told
    assert traced.key not in told


def test_without_the_hosts_wish_nothing_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WANTED_BY:
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as resources:
        assert open_tracer(resources) is None
    loaded = (
        "import sys, earnest.api, earnest.wiring; print(any(n.startswith('opentelemetry.sdk') for n in sys.modules))"
    )
    assert run([sys.executable, "-c", loaded], capture_output=True, check=True, text=True).stdout.strip() == "False"


def test_with_it_a_tracer_is_opened_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    with ExitStack() as resources:
        assert open_tracer(resources) is not None

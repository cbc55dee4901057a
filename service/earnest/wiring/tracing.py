"""OpenTelemetry, where the host has set `OTEL_EXPORTER_OTLP_ENDPOINT`; without it nothing of this is loaded."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from earnest import __version__
from earnest.payment.errors import Misconfigured

if TYPE_CHECKING:
    from earnest.api.traces import Span, Tracer

WANTED_BY: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""The library's own variables; all others of its (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, …) work too."""


class TracingNotInstalled(Misconfigured):
    """Traces are wanted, and what makes them is not installed."""

    code = "tracing_not_installed"


def open_tracer(resources: ExitStack) -> Tracer | None:
    """Return who takes spans, None where the host wants none; raises `TracingNotInstalled`."""
    if not any(os.environ.get(name) for name in WANTED_BY):
        return None
    if importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise TracingNotInstalled(f"{WANTED_BY[0]} is set, and OpenTelemetry is missing: pip install 'earnest[otel]'")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    tracer = OtelTracer(BatchSpanProcessor(OTLPSpanExporter()))
    resources.callback(tracer.close)
    return tracer


class OtelTracer:
    """Hands spans to a processor of the OpenTelemetry SDK's, which sends them in a thread of its own."""

    def __init__(self, processor: Any) -> None:
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415

        named = {"service.version": __version__}
        if not os.environ.get("OTEL_SERVICE_NAME"):
            named["service.name"] = "earnest"
        self._provider = TracerProvider(resource=Resource.create(named))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("earnest", __version__)

    @contextmanager
    def server_span(self, name: str, headers: Mapping[str, str]) -> Iterator[Span]:
        """Begin a span, below the caller's own if the headers name one (W3C `traceparent`)."""
        from opentelemetry.trace import SpanKind  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

        parent = TraceContextTextMapPropagator().extract(dict(headers))
        with self._tracer.start_as_current_span(name, parent, SpanKind.SERVER) as span:
            yield _OtelSpan(span)

    def close(self) -> None:
        """Send what is left, and end the thread."""
        self._provider.shutdown()


class _OtelSpan:
    def __init__(self, span: Any) -> None:
        self._span = span

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **facts: str | int) -> None:
        for name, value in facts.items():
            self._span.set_attribute(name.replace("__", "."), value)

    def fail(self, why: str) -> None:
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

        self._span.set_status(Status(StatusCode.ERROR, why))

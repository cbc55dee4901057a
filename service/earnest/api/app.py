"""The application: routes, guards and the document that describes them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from earnest.api.gate import Gate
from earnest.api.metrics import Metrics
from earnest.api.middleware import BodyLimit, SafeHeaders, Telemetry
from earnest.api.mirrored import Mirrored
from earnest.api.node_turns import NodeTurns
from earnest.api.once import Idempotency
from earnest.api.openapi import document
from earnest.api.problems import answer_problem
from earnest.api.reconciliations import Reconciled
from earnest.api.routes import (
    audit,
    checkout,
    docs,
    events,
    health,
    keys,
    many,
    payments,
    proof,
    reports,
    settings,
    streams,
    test_chain,
    verbs,
    wallet,
    webhook_endpoints,
)
from earnest.api.services import Services
from earnest.api.streams.hub import Hub
from earnest.api.traces import Traces
from earnest.api.trials import Trials

ROUTERS = (
    *(
        payments,
        verbs,
        many,
        checkout,
        proof,
        wallet,
        webhook_endpoints,
        events,
        streams,
        reports,
        settings,
        keys,
        audit,
    ),
    *(test_chain, health, docs),
)


def create_app(services: Services) -> FastAPI:
    """Build the API over the services that it is given."""
    # The framework's pages of documentation load scripts from elsewhere; `docs` is our own.
    app = FastAPI(title="Earnest", version=services.version, docs_url=None, redoc_url=None, openapi_url=None)
    metrics = Metrics(services.chains, Mirrored(services), Reconciled(services))
    app.state.services = services
    app.state.metrics = metrics
    app.state.node_turns = NodeTurns()
    app.state.hub = Hub(services)
    app.state.trials = Trials()
    app.state.gate = Gate(services.store, services.clock, services.limits)
    app.state.idempotency = Idempotency(services.store, services.secrets, services.clock)
    for each in ROUTERS:
        app.include_router(each.routes)
    app.add_middleware(BodyLimit, limit_bytes=services.limits.body_bytes)
    app.add_middleware(SafeHeaders)
    if services.tracer is not None:
        app.add_middleware(Traces, tracer=services.tracer)
    app.add_middleware(Telemetry, metrics=metrics)
    app.add_exception_handler(HTTPException, _as_problem)
    app.add_exception_handler(Exception, _as_problem)
    _describe(app, services)
    return app


def _describe(app: FastAPI, services: Services) -> None:
    """Make the OpenAPI document once, when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = document(app, services.version, services.public_url)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


async def _as_problem(request: Request, error: Exception) -> JSONResponse:
    answer = answer_problem(request, error)
    if answer.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        # The framework names the methods of the first route of the path alone.
        answer.headers["Allow"] = ", ".join(sorted(_methods(request.url.path))) or answer.headers.get("Allow", "")
    return answer


def _methods(path: str) -> set[str]:
    routes = (route for module in ROUTERS for route in module.routes.routes if isinstance(route, APIRoute))
    return {method for route in routes if route.path_regex.match(path) for method in route.methods or ()}

"""The pages on an application that exists already: routes, files, and what stands where there is no page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from earnest.web import home
from earnest.web.checkout import routes as checkout
from earnest.web.checkout.watch import DepositWatch
from earnest.web.console import routes as console
from earnest.web.desk import (
    balances,
    export,
    keys,
    many,
    one_payment,
    overview,
    payments,
    sessions,
    settings,
    sign_in,
    verbs,
    wallet,
    webhooks,
)
from earnest.web.errors import NoSuchPage
from earnest.web.route import answer_error
from earnest.web.site import Site

DESK = (
    sign_in,
    wallet,
    overview,
    payments,
    many,
    export,
    one_payment,
    verbs,
    balances,
    webhooks,
    keys,
    sessions,
    settings,
)
ROUTERS = (home, checkout, console, *DESK)
NOT_FOR_PEOPLE = ("/v1/", "/health/", "/assets/")

AnswersError = Callable[[Request, Exception], Awaitable[Response]]


def add_pages(app: FastAPI, site: Site) -> None:
    """Serve the pages beside whatever the application serves.

    A path that nobody serves is answered with a page where a browser asks, else as it was before.
    """
    app.state.site = site
    app.state.deposit_watch = DepositWatch(site)
    for each in ROUTERS:
        app.include_router(each.routes)
    before = cast(AnswersError, app.exception_handlers[HTTPException])

    async def answer(request: Request, error: Exception) -> Response:
        if getattr(error, "status_code", None) == 404 and is_for_people(request):
            return answer_error(request, NoSuchPage(f"there is no page at {request.url.path}"))
        return await before(request, error)

    handlers: dict[Any, Any] = app.exception_handlers
    handlers[HTTPException] = answer


def is_for_people(request: Request) -> bool:
    """Say whether a person in front of a browser waits for the answer."""
    asks_for_pages = "text/html" in request.headers.get("accept", "")
    return request.method in ("GET", "HEAD") and asks_for_pages and not request.url.path.startswith(NOT_FOR_PEOPLE)

"""The way every page goes: counted, in the reader's language, with a page's headers, never without an answer."""

from __future__ import annotations

from typing import Any, Final

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from earnest.payment.errors import EarnestError, NotFound
from earnest.web.headers import PAGE_HEADERS
from earnest.web.site import Site
from earnest.web.templates import render
from earnest.web.turns import Handler, in_turn_as_marked
from earnest.web.words import Words, choose_language, words_of

ASKED_BY_SCRIPTS: Final = ("POST",)
"""What scripts ask is answered to scripts: errors as the API gives them."""
LANGUAGE_COOKIE: Final = "earnest_language"
"""Where the merchant's desk keeps the language that was chosen there."""

log = structlog.get_logger(__name__)


class PageRoute(APIRoute):
    """A route whose errors are pages."""

    def get_route_handler(self) -> Handler:
        """Return the framework's handler with ours around it."""
        inner = in_turn_as_marked(super().get_route_handler(), self.endpoint)

        async def handle(request: Request) -> Response:
            site = site_of(request)
            try:
                await run_in_threadpool(site.admit, request.client.host if request.client else "unknown")
                response = await inner(request)
            except Exception as error:  # every error is answered, the unknown ones too
                response = answer_error(request, error)
            return with_page_headers(response)

        return handle


def router() -> APIRouter:
    """Return a router of pages; they are for people, and stand in no description of the API."""
    return APIRouter(route_class=PageRoute, include_in_schema=False)


def site_of(request: Request) -> Site:
    """Return what the pages stand on."""
    site: Site = request.app.state.site
    return site


def words_for(request: Request) -> Words:
    """Return the sentences in the language that this reader gets."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return words_of(choose_language(asked, request.headers.get("accept-language")))


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a whole page from a template that extends `base.html`."""
    words = words_for(request)
    # A link that begins with two slashes leads to another site.
    path = "/" + request.url.path.lstrip("/")
    body = render(template, words, path=path, **values)
    return HTMLResponse(body, status, headers={"Content-Language": words.tag, "Vary": "Accept-Language"})


def with_page_headers(response: Response) -> Response:
    """Add what every page tells the browser; what an answer says itself stays."""
    for name, value in PAGE_HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def answer_error(request: Request, error: Exception) -> Response:
    """Return a page for an error, in calm words; scripts get what the API would answer."""
    site = site_of(request)
    if request.method in ASKED_BY_SCRIPTS:
        return site.problem(request, error)
    answer = site.problem(request, error)
    status = answer.status_code
    kind = "not_found" if status == 404 or isinstance(error, NotFound) else "busy" if status == 429 else "failed"
    if status in (400, 405, 422):
        kind, status = "not_found", 404
    detail = str(error) if isinstance(error, EarnestError) and status < 500 and kind != "not_found" else None
    shown = page(request, "problem.html", status, kind=kind, detail=detail, request_id=_request_id(request))
    if "Retry-After" in answer.headers:
        shown.headers["Retry-After"] = answer.headers["Retry-After"]
    return with_page_headers(shown)


def _request_id(request: Request) -> str:
    return str(getattr(request.state, "request_id", ""))

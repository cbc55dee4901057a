"""The way to every page of the desk: who is signed in, what he may do, and whether the form that he sends is ours.

Each page says what it needs, and a router refuses one that does not: nothing is open by oversight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

from earnest.commands.scopes import SCOPES
from earnest.commands.sessions import Visitor, signed_in
from earnest.payment.errors import EarnestError
from earnest.web.desk.cookie import is_form_token, read_secret
from earnest.web.desk.forms import Form, parse_form
from earnest.web.desk.visit import DESK, Visit, desk_of
from earnest.web.errors import BeyondScope, ForgedForm, OddRequest
from earnest.web.route import LANGUAGE_COOKIE, site_of, with_page_headers
from earnest.web.turns import Handler, in_turn
from earnest.web.words import LANGUAGES

F = TypeVar("F", bound=Callable[..., Any])
PUBLIC: Final = "public"
"""For whoever is not signed in, too."""
SIGNED_IN: Final = "signed in"
"""For everyone who is signed in, whatever he may do."""
YEAR_SECONDS: Final = 31_536_000
SIGN_IN_PATH: Final = f"{DESK}/sign_in"


def needs(what: str, *, reads: str | None = None, asks_node: bool = False) -> Callable[[F], F]:
    """Mark a page with what it needs.

    Args:
        what: a scope, `SIGNED_IN` or `PUBLIC`.
        reads: the scope of what it shows on the way (what will be done, to what), where that is another one.
        asks_node: it needs a node's answer too.
    """
    for scope in (what, reads):
        if scope not in (PUBLIC, SIGNED_IN, None) and scope not in SCOPES:
            raise ValueError(f"no such scope: {scope}")

    def mark(endpoint: F) -> F:
        endpoint.__earnest_desk__ = what  # type: ignore[attr-defined]
        endpoint.__earnest_reads__ = reads  # type: ignore[attr-defined]
        endpoint.__earnest_asks_node__ = asks_node  # type: ignore[attr-defined]
        return endpoint

    return mark


class DeskRoute(APIRoute):
    """A route of the desk, which cannot be made without saying what it needs."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        what = getattr(endpoint, "__earnest_desk__", None)
        if not isinstance(what, str):
            raise TypeError(f"{endpoint!r} does not say what it needs: mark it with @needs")
        self.needs = what
        self.scopes = [each for each in (what, endpoint.__earnest_reads__) if each in SCOPES]  # type: ignore[attr-defined]
        self.asks_node: bool = endpoint.__earnest_asks_node__  # type: ignore[attr-defined]
        super().__init__(path, endpoint, **options)

    def get_route_handler(self) -> Handler:
        """Return the framework's handler with ours around it."""
        inner = super().get_route_handler()
        if self.asks_node:  # to its end: what is sent must be answered
            inner = in_turn(inner, is_public=self.needs == PUBLIC, seconds=None)

        async def handle(request: Request) -> Response:
            visit = Visit(request, site_of(request))
            request.state.visit = visit
            try:
                await run_in_threadpool(visit.site.admit, request.client.host if request.client else "unknown")
                response = await self._admitted(request, visit, inner)
            except Exception as error:  # every error is a page, the unknown ones too
                response = await run_in_threadpool(show_error, visit, error)
            keep_language(request, response)
            # Whoever signs out on a shared machine leaves nothing behind the button for going back.
            response.headers.setdefault("Cache-Control", "no-store")
            return with_page_headers(response)

        return handle

    async def _admitted(self, request: Request, visit: Visit, inner: Handler) -> Response:
        desk_of(visit.site)
        if any("\x00" in text for pair in request.query_params.multi_items() for text in pair):
            raise OddRequest("no text has a NUL in it")
        visit.secret = read_secret(request, visit.site.public_url)
        if visit.secret is not None:
            visit.visitor = await run_in_threadpool(signed_in, visit.site.store, visit.secret, visit.now())
        if visit.visitor is None and self.needs != PUBLIC:
            return to_sign_in(request)
        if request.method == "POST":
            check_same_origin(request)
            visit.form = parse_form(request.headers.get("content-type", ""), await request.body())
            if self.needs != PUBLIC:
                check_token(visit)
        for scope in self.scopes:
            if scope not in scopes_of(visit.visitor):
                raise BeyondScope(scope)
        return await inner(request)


def desk_router() -> APIRouter:
    """Return a router of the desk's pages; they are for people, and stand in no description of the API."""
    return APIRouter(prefix=DESK, route_class=DeskRoute, include_in_schema=False)


def scopes_of(visitor: Visitor | None) -> frozenset[str]:
    """Return what somebody may do."""
    return visitor.scopes if visitor else frozenset()


def check_same_origin(request: Request) -> None:
    """Refuse what another site's page sends; browsers say by themselves where a request comes from."""
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForgedForm("this form came from another site")


def check_token(visit: Visit) -> None:
    """Refuse a form that was not given out in this session."""
    if visit.secret is None or not is_form_token(visit.secret, visit.form.one("token")):
        raise ForgedForm("this form is not from a page of this session; load the page again")


def keep_language(request: Request, response: Response) -> None:
    """Remember the language that somebody chose."""
    if (asked := request.query_params.get("lang")) in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, str(asked), max_age=YEAR_SECONDS, httponly=True, samesite="lax")


def to_sign_in(request: Request) -> Response:
    """Send somebody to sign in, and back afterwards to the page that he wanted to see."""
    back = request.url.path if request.method == "GET" else ""
    return RedirectResponse(f"{SIGN_IN_PATH}?next={quote(back)}" if back not in ("", DESK) else SIGN_IN_PATH, 303)


def show_error(visit: Visit, error: Exception) -> Response:
    """Return a page for an error in the frame of the desk, in calm words."""
    answer = visit.site.problem(visit.request, error)
    status = answer.status_code
    kind = {403: "forbidden", 404: "not_found", 409: "conflict", 422: "invalid", 429: "busy"}.get(status, "failed")
    detail = str(error) if isinstance(error, EarnestError) and status != 500 else None
    if status == 422 and detail is None:
        kind, status = "not_found", 404
    request_id = str(getattr(visit.request.state, "request_id", ""))
    shown = visit.page("desk/problem.html", status, kind=kind, detail=detail, request_id=request_id)
    if "Retry-After" in answer.headers:
        shown.headers["Retry-After"] = answer.headers["Retry-After"]
    return shown


__all__ = ["PUBLIC", "SIGNED_IN", "DeskRoute", "Form", "desk_router", "needs"]

"""In by an API key, and out again."""

from __future__ import annotations

import re
from typing import Final

from fastapi import Query
from fastapi.responses import RedirectResponse, Response

from earnest.commands.errors import NotSignedIn
from earnest.commands.sessions import sign_in, sign_out
from earnest.web.desk.cookie import drop, keep
from earnest.web.desk.route import PUBLIC, SIGN_IN_PATH, desk_router, needs
from earnest.web.desk.visit import DESK, InVisit, Visit

routes = desk_router()

_OWN_PATH: Final = re.compile(rf"{DESK}(?:/[A-Za-z0-9_]{{1,80}}){{0,4}}", re.ASCII)


@routes.get("/sign_in")
@needs(PUBLIC)
def get_sign_in(visit: InVisit, next: str = Query("", max_length=400)) -> Response:  # noqa: A002 (the query's own word)
    """Ask for a key; whoever is in already goes on."""
    if visit.visitor is not None:
        return visit.go(own_path(next))
    return visit.page("desk/sign_in.html", next=own_path(next), wrong="")


@routes.post("/sign_in")
@needs(PUBLIC)
def post_sign_in(visit: InVisit) -> Response:
    """Trade a key for a session. It is always a new one, whatever the browser brought."""
    count_try(visit)
    back, now = own_path(visit.form.one("next")), visit.now()
    try:
        secret, _ = sign_in(visit.site.store, visit.form.one("key"), now, request_id=visit.request_id)
    except NotSignedIn:
        return visit.page("desk/sign_in.html", 403, next=back, wrong="key")
    return let_in(visit, secret, back, now)


@routes.post("/sign_out")
@needs(PUBLIC)
def post_sign_out(visit: InVisit) -> Response:
    """End the session. Nothing bad can come of a forged one, and an old page must be able to do it."""
    if visit.secret is not None:
        sign_out(visit.site.store, visit.secret, visit.now(), request_id=visit.request_id)
    response = RedirectResponse(SIGN_IN_PATH, 303)
    drop(response, visit.site.public_url)
    return response


def count_try(visit: Visit) -> None:
    """Count a try to get in; too many from one address are refused."""
    client = visit.request.client
    visit.desk.admit_sign_in(client.host if client else "unknown")


def let_in(visit: Visit, secret: str, back: str, now: int) -> Response:
    """Go on with a new session, and end the one that the browser brought."""
    if visit.secret is not None:
        sign_out(visit.site.store, visit.secret, now, request_id=visit.request_id)
    response = visit.go(back)
    keep(response, secret, visit.site.public_url)
    return response


def own_path(text: str) -> str:
    """Return where to go on: a path of the desk, and never another site."""
    fits = _OWN_PATH.fullmatch(text) is not None and not text.startswith((SIGN_IN_PATH, f"{DESK}/sign_out"))
    return text if fits else DESK

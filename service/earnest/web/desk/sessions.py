"""Who is signed in: since when, by what, when last seen; and signing out from afar."""

from __future__ import annotations

from typing import Final

from fastapi.responses import RedirectResponse, Response

from earnest.commands.open_sessions import end_other_sessions, end_session, open_sessions
from earnest.commands.team_roles import role_of
from earnest.web.desk.cookie import drop
from earnest.web.desk.route import SIGN_IN_PATH, SIGNED_IN, desk_router, needs
from earnest.web.desk.visit import DESK, InVisit

routes = desk_router()

HERE: Final = f"{DESK}/sessions"


@routes.get("/sessions")
@needs(SIGNED_IN)
def get_sessions(visit: InVisit, ended: str = "") -> Response:
    """List the sessions that the visitor may end: his own, and an owner all of the account's."""
    return visit.page(
        "desk/sessions.html",
        section="sessions",
        sessions=open_sessions(visit.site.store, visit.who, visit.now()),
        role_of=role_of,
        ended=int(ended) if ended.isascii() and ended.isdigit() and len(ended) < 6 else None,
    )


@routes.post("/sessions/{id}/end")
@needs(SIGNED_IN)
def post_end(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Sign one of them out."""
    if not end_session(visit.site.store, visit.who, id, visit.now(), request_id=visit.request_id):
        return visit.go(HERE, ended=1)
    response = RedirectResponse(SIGN_IN_PATH, 303)
    drop(response, visit.site.public_url)
    return response


@routes.post("/sessions/end_others")
@needs(SIGNED_IN)
def post_end_others(visit: InVisit) -> Response:
    """Sign all of them out but this one."""
    count = end_other_sessions(visit.site.store, visit.who, visit.now(), request_id=visit.request_id)
    return visit.go(HERE, ended=count)

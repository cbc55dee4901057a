"""One request of the desk: who makes it, in which language, and what a page of the desk is made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from earnest.commands.audit import By, audited
from earnest.commands.ports import Submitter
from earnest.commands.sessions import Visitor
from earnest.web.desk.cookie import form_token
from earnest.web.desk.forms import Form
from earnest.web.desk.ports import Desk
from earnest.web.errors import NoSuchPage
from earnest.web.route import words_for
from earnest.web.site import Site
from earnest.web.templates import render
from earnest.web.words import Words

DESK: Final = "/desk"
SECTIONS: Final = (
    ("overview", DESK, "payments:read"),
    ("payments", f"{DESK}/payments", "payments:read"),
    ("balances", f"{DESK}/balances", "payments:read"),
    ("webhooks", f"{DESK}/webhooks", "webhooks:read"),
    ("keys", f"{DESK}/keys", "keys:read"),
    ("settings", f"{DESK}/settings", "payments:read"),
)
"""The desk's rooms: name, path, and the scope without which there is no way in."""


@dataclass(slots=True)
class Visit:
    """One request. `secret` is what the browser keeps, `visitor` who that is; both None for a stranger."""

    request: Request
    site: Site
    secret: str | None = None
    visitor: Visitor | None = None
    form: Form = field(default_factory=Form)

    @property
    def desk(self) -> Desk:
        """What the desk stands on."""
        return desk_of(self.site)

    @property
    def who(self) -> Visitor:
        """Who is signed in; only on pages that need it."""
        if self.visitor is None:
            raise TypeError("a public page has no visitor")
        return self.visitor

    @property
    def merchant_id(self) -> str:
        """Whose desk it is."""
        return self.who.merchant.id

    @property
    def words(self) -> Words:
        """The sentences in the visitor's language."""
        return words_for(self.request)

    @property
    def by(self) -> By:
        """Who asks, for the audit log."""
        return By(self.who.by, self.request_id)

    @property
    def request_id(self) -> str | None:
        """The request's id."""
        return getattr(self.request.state, "request_id", None)

    def may(self, scope: str) -> bool:
        """Whether the visitor may do what needs this scope."""
        return self.visitor is not None and scope in self.visitor.scopes

    def now(self) -> int:
        """Return wall time in Unix seconds."""
        return self.desk.clock()

    def senders(self, **detail: Any) -> Callable[[int], Submitter]:
        """Return where a command gets its sender from; what it sends is in the audit log first, with this detail."""
        return audited(self.desk.senders, self.site.store, self.by, self.desk.clock, **detail)

    def link(self, path: str, **query: str | int | None) -> str:
        """Return an address with its query, what is empty left out."""
        wanted = {name: value for name, value in query.items() if value not in (None, "")}
        return f"{path}?{urlencode(wanted)}" if wanted else path

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page in the desk's frame."""
        words = self.words
        common = {
            "path": self.request.url.path if self.request.method == "GET" else DESK,
            "visit": self,
            "link": self.link,
            "token": form_token(self.secret) if self.secret and self.visitor else "",
            "sections": [(name, path) for name, path, scope in SECTIONS if self.may(scope)],
            "section": "",
            "script_words": words.under("desk.js."),
        }
        body = render(template, words, **(common | values))
        return HTMLResponse(body, status, headers={"Content-Language": words.tag, "Vary": "Accept-Language"})

    def go(self, path: str, **query: str | int | None) -> Response:
        """Send the browser on after a form was done, so that loading the page again does nothing twice."""
        return RedirectResponse(self.link(path, **query), 303)


def desk_of(site: Site) -> Desk:
    """Return what the desk stands on; raises `NoSuchPage` where there is none."""
    if site.desk is None:
        raise NoSuchPage("this host has no desk for merchants")
    return site.desk


async def get_visit(request: Request) -> Visit:
    """Return the visit of a request that the route has let in; a coroutine, so that it takes none of the threads."""
    visit: Visit = request.state.visit
    return visit


InVisit = Annotated[Visit, Depends(get_visit)]

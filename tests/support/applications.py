"""Applications over the same routers, as tests make by the hundred, with each router's routes worked out once."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI

_known: dict[tuple[int, str], Any] = {}
_routers: list[APIRouter] = []
"""Kept, so that no other router ever has the identity of one that is known."""


def share_routes(app: FastAPI) -> None:
    """Let an application take over what earlier ones found out about the routers that it includes as well.

    The framework reads every route's signature anew for each application, with the first request that comes by: a
    tenth of a second for API and pages, more than most tests need for all else. What it finds depends on the router
    and its prefix alone; everything that differs between applications lies in `app.state` and in middleware.
    """
    routes = app.router.routes
    for place, route in enumerate(routes):
        router = getattr(route, "original_router", None)
        if not isinstance(router, APIRouter):
            continue
        context: Any = getattr(route, "include_context")  # noqa: B009 - a part of the framework's own, which has no type
        name = id(router), str(context.prefix)
        if name not in _known:
            _routers.append(router)
            _known[name] = route
        routes[place] = _known[name]

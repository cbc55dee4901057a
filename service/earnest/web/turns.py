"""Pages that ask a node wait for a turn, among the API's routes: a node that hangs takes no other page's thread."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

from fastapi import Request
from fastapi.responses import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

NODE_SECONDS: Final = 5.0
"""How long a page's visitor waits for a node; as long as the API's public routes do."""
_NOT_MARKED: Final[Any] = object()


class Turns(Protocol):
    """Who may ask a node now; the API's `NodeTurns`, which counts pages and routes together."""

    async def run(self, work: Coroutine[Any, Any, T], *, is_public: bool, seconds: float | None) -> T:
        """Do the work when there is a turn for it; raises `Unavailable` where there is none in time."""


def asks_node(seconds: float | None) -> Callable[[F], F]:
    """Mark a public page's endpoint as one that needs a node's answer, and waits so long for it (None: to its end)."""

    def mark(endpoint: F) -> F:
        endpoint.__earnest_node_seconds__ = seconds  # type: ignore[attr-defined]
        return endpoint

    return mark


def in_turn_as_marked(inner: Handler, endpoint: Callable[..., Any]) -> Handler:
    """Return a page's handler, which waits for its turn if the endpoint is marked."""
    seconds = getattr(endpoint, "__earnest_node_seconds__", _NOT_MARKED)
    return inner if seconds is _NOT_MARKED else in_turn(inner, is_public=True, seconds=seconds)


def in_turn(inner: Handler, *, is_public: bool, seconds: float | None) -> Handler:
    """Return a handler that asks a node; strangers and whoever is signed in have turns apart."""

    async def handle(request: Request) -> Response:
        turns: Turns = request.app.state.node_turns
        return await turns.run(inner(request), is_public=is_public, seconds=seconds)

    return handle

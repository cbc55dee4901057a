"""Who may use a route. Each endpoint says it, and a router refuses one that does not: nothing is open by oversight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from earnest.commands.scopes import SCOPES

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Access:
    """`scope` is what an API key needs; None: public. `cross_origin`: any web page may read the answer.

    `asks_node`: the answer needs a node's, so that only some may wait for it at once, each for `node_seconds` (None: to
    the end).
    """

    scope: str | None
    cross_origin: bool = False
    limited: bool = True
    asks_node: bool = False
    node_seconds: float | None = None


def keyed(scope: str, *, asks_node: bool = False) -> Callable[[F], F]:
    """Mark an endpoint as one that needs an API key with this scope; `asks_node`: and a node's answer."""
    if scope not in SCOPES:
        raise ValueError(f"no such scope: {scope}")
    return _marked(Access(scope, asks_node=asks_node))


def public(*, cross_origin: bool = False, limited: bool = True, node_seconds: float | None = None) -> Callable[[F], F]:
    """Mark an endpoint as public: it tells nothing but what follows from a payment's id, or the service's own state.

    `limited=False` is for what monitors ask; `node_seconds`: it needs a node's answer, and waits so long for it.
    """
    return _marked(Access(None, cross_origin, limited, node_seconds is not None, node_seconds))


def access_of(endpoint: object) -> Access:
    """Return what an endpoint says of itself; raises `TypeError` if it says nothing."""
    access = getattr(endpoint, "__earnest_access__", None)
    if not isinstance(access, Access):
        raise TypeError(f"{endpoint!r} does not say who may use it: mark it with @keyed or @public")
    return access


def _marked(access: Access) -> Callable[[F], F]:
    def mark(endpoint: F) -> F:
        endpoint.__earnest_access__ = access  # type: ignore[attr-defined]
        return endpoint

    return mark

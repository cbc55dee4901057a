"""Team roles: sets of scopes with names, for keys that are given to people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from earnest.commands.scopes import SCOPES, parse_scopes
from earnest.payment.errors import InvalidInput

_READS: Final = ("payments:read", "webhooks:read")
TEAM_ROLES: Final[dict[str, tuple[str, ...]]] = {
    "read_only": _READS,
    "support": (*_READS, "payments:write", "webhooks:write"),
    "finance": (*_READS, "refunds:write", "audit:read"),
    "owner": tuple(each for each in SCOPES if each != "test:write"),
}
"""A key may have any other set. Support delivers and mends; finance moves money back; what moves the embedded chain's
clock is nobody's role."""


def role_of(scopes: frozenset[str]) -> str | None:
    """Return the role that a set of scopes is, None where it is none of them."""
    return next((name for name, of_role in TEAM_ROLES.items() if scopes - {"test:write"} == frozenset(of_role)), None)


def scopes_of(role: str | None, scopes: Iterable[str]) -> frozenset[str]:
    """Return what is asked for by a role's name or by scopes.

    Raises:
        InvalidInput: there is no such role, or both or neither are given.
        UnknownScope: there is no such scope.
    """
    named = parse_scopes(scopes)
    if role is None:
        if not named:
            raise InvalidInput("say what the key may do: by `role` or by `scopes`", param="scopes")
        return named
    if named:
        raise InvalidInput("say what the key may do by `role` or by `scopes`, not by both", param="role")
    if role not in TEAM_ROLES:
        raise InvalidInput(f"there is no role {role!r}; there are: {', '.join(TEAM_ROLES)}", param="role")
    return frozenset(TEAM_ROLES[role])

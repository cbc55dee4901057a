"""API keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import Answer, InTime, OutTime, Request
from earnest.commands.scopes import SCOPES
from earnest.commands.team_roles import TEAM_ROLES

_SCOPES = "; ".join(f"`{name}`: {what}" for name, what in SCOPES.items())
_ROLES = "; ".join(f"`{name}`: {', '.join(scopes)}" for name, scopes in TEAM_ROLES.items())


class CreateKeyRequest(Request):
    """What the new key may do, by a role or by scopes: nothing that the asking key may not."""

    name: Annotated[
        str | None,
        Field(description="What you call it: 1 to 64 printable characters, such as a person's name.", examples=["Ann"]),
    ] = None
    role: Annotated[Literal["read_only", "support", "finance", "owner"] | None, Field(description=_ROLES)] = None
    scopes: Annotated[list[str], Field(max_length=50, description=_SCOPES, default_factory=list)]
    expires_at: InTime | None = None


class Key(Answer):
    """An API key without its secret."""

    object: Literal["api_key"]
    id: str
    name: Annotated[str | None, Field(description="What it was called when it was made.", examples=["Ann"])]
    prefix: Annotated[str, Field(examples=["ek_test_ab12"])]
    scopes: list[str]
    role: Annotated[str | None, Field(description="The role that these scopes are; null where they are none.")]
    created_at: OutTime
    expires_at: OutTime | None
    revoked_at: OutTime | None


class KeyWithSecret(Key):
    """An API key with its secret, shown this once."""

    secret: Annotated[str, Field(examples=["ek_test_…"])]


class Keys(Answer):
    """The merchant's keys, newest first."""

    data: list[Key]
    has_more: bool
    next_cursor: str | None


class RevokedKey(Answer):
    """It is refused from now on."""

    id: str
    revoked: Literal[True]

"""API keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from earnest.api.schemas.common import Answer, InTime, OutTime, Request
from earnest.commands.scopes import SCOPES

_SCOPES = "; ".join(f"`{name}`: {what}" for name, what in SCOPES.items())


class CreateKeyRequest(Request):
    """What the new key may do: nothing that the asking key may not."""

    scopes: Annotated[list[str], Field(min_length=1, max_length=50, description=_SCOPES)]
    expires_at: InTime | None = None


class Key(Answer):
    """An API key without its secret."""

    object: Literal["api_key"]
    id: str
    prefix: Annotated[str, Field(examples=["ek_test_ab12"])]
    scopes: list[str]
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

"""What the merchant's browser keeps of his session, and the token that every form of his carries.

Source: OWASP, "Session management" and "Cross-site request forgery prevention" cheat sheets; RFC 6265bis for `__Host-`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from fastapi import Request
from fastapi.responses import Response

from earnest.commands.sessions import LONGEST_SECONDS

_NAME: Final = "earnest_desk"
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def name_of(public_url: str) -> str:
    """Return the cookie's name: behind https one that only our own host can set, and only for https."""
    return f"__Host-{_NAME}" if _is_secure(public_url) else _NAME


def read_secret(request: Request, public_url: str) -> str | None:
    """Return what the browser keeps, None where it is nothing that we gave."""
    found = request.cookies.get(name_of(public_url), "")
    return found if _SECRET.fullmatch(found) else None


def keep(response: Response, secret: str, public_url: str) -> None:
    """Let the browser keep a session: no script sees it, and no other site's page sends it along."""
    response.set_cookie(
        name_of(public_url),
        secret,
        max_age=LONGEST_SECONDS,
        path="/",
        secure=_is_secure(public_url),
        httponly=True,
        samesite="strict",
    )


def drop(response: Response, public_url: str) -> None:
    """Let the browser forget it."""
    response.delete_cookie(
        name_of(public_url), path="/", secure=_is_secure(public_url), httponly=True, samesite="strict"
    )


def form_token(secret: str) -> str:
    """Return the token of a session's forms: only whoever knows the session can compute it."""
    return hmac.new(secret.encode(), b"earnest desk form", hashlib.sha256).hexdigest()


def is_form_token(secret: str, given: str) -> bool:
    """Whether a form was given out in this session."""
    return hmac.compare_digest(form_token(secret).encode(), given.encode())


def _is_secure(public_url: str) -> bool:
    return public_url.startswith("https://")

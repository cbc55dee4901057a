"""API keys: the names of those that there are, new ones that are shown once, and the end of one.

A role is a set of scopes: whoever signs in with a key sees and may do what the key may, here as in the API.
"""

from __future__ import annotations

from typing import Final

from fastapi.responses import Response

from earnest.commands.create_key import create_key
from earnest.commands.key_name import MAX_KEY_NAME_LENGTH, parse_key_name
from earnest.commands.revoke_key import revoke_key
from earnest.commands.scopes import SCOPES
from earnest.commands.sessions import is_valid
from earnest.commands.team_roles import TEAM_ROLES, role_of, scopes_of
from earnest.payment.errors import EarnestError, NotFound
from earnest.web.desk.forms import DAY_SECONDS
from earnest.web.desk.route import desk_router, needs
from earnest.web.desk.visit import DESK, InVisit, Visit
from earnest.web.errors import BeyondScope

routes = desk_router()

HERE: Final = f"{DESK}/keys"
DAYS: Final = ("", "7", "30", "90", "365")


@routes.get("/keys")
@needs("keys:read")
def get_keys(visit: InVisit) -> Response:
    """List the merchant's keys."""
    return _list(visit)


@routes.post("/keys")
@needs("keys:write", reads="keys:read")
def post_key(visit: InVisit) -> Response:
    """Make a key that may do no more than whoever makes it; show its secret, this once."""
    form, now = visit.form, visit.now()
    try:
        role = form.one("role") or None
        scopes = scopes_of(role, () if role else form.many("scope"))
        if beyond := scopes - visit.who.scopes:
            raise BeyondScope(min(beyond))
        days = form.one("days")
        expires_at = now + int(days) * DAY_SECONDS if days in DAYS and days else None
        made = create_key(
            visit.site.store,
            visit.merchant_id,
            now=now,
            name=parse_key_name(form.one("name") or None),
            scopes=scopes,
            live=visit.desk.is_live,
            expires_at=expires_at,
            by=visit.by,
        )
    except EarnestError as error:
        return _list(visit, wrong=str(error))
    return visit.page("desk/key_secret.html", section="keys", key=made.key, secret=made.secret, role=role_of(scopes))


@routes.post("/keys/{id}/revoke")
@needs("keys:write", reads="keys:read")
def post_revoke(id: str, visit: InVisit) -> Response:  # noqa: A002
    """Ask, then revoke."""
    with visit.site.store.read() as tx:
        key = next((each for each in tx.keys.list(visit.merchant_id) if each.id == id), None)
    if key is None:
        raise NotFound(f"no key {id}")
    if visit.form.one("sure") != "yes":
        own = key.id == visit.who.session.key_id
        return visit.page("desk/key_revoke.html", section="keys", key=key, is_own=own, role=role_of(key.scopes))
    revoke_key(visit.site.store, visit.merchant_id, key.id, visit.now(), by=visit.by)
    return visit.go(HERE)


def _list(visit: Visit, wrong: str | None = None) -> Response:
    now = visit.now()
    with visit.site.store.read() as tx:
        keys = tx.keys.list(visit.merchant_id)
    return visit.page(
        "desk/keys.html",
        422 if wrong else 200,
        section="keys",
        keys=sorted(keys, key=lambda each: not is_valid(each, now)),
        valid={each.id for each in keys if is_valid(each, now)},
        own=visit.who.session.key_id,
        role_of=role_of,
        roles=[name for name, scopes in TEAM_ROLES.items() if set(scopes) <= visit.who.scopes],
        scopes=[each for each in SCOPES if each in visit.who.scopes],
        days=DAYS,
        longest_name=MAX_KEY_NAME_LENGTH,
        name=visit.form.one("name"),
        wrong=wrong,
    )

"""API keys: see, make and revoke them."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import InCall, Kept
from earnest.api.errors import MissingScope
from earnest.api.route import router
from earnest.api.schemas import keys as shapes
from earnest.api.show import show_all, show_key
from earnest.commands.create_key import NewKey, create_key
from earnest.commands.key_name import parse_key_name
from earnest.commands.revoke_key import revoke_key
from earnest.commands.team_roles import scopes_of
from earnest.store import Transaction

routes = router("/v1", "keys")


@routes.get("/keys", response_model=shapes.Keys, summary="List API keys")
@keyed("keys:read")
def get_keys(call: InCall) -> JSONResponse:
    """List the merchant's keys without their secrets, newest first."""
    with call.services.store.read() as tx:
        return JSONResponse(show_all([show_key(each) for each in tx.keys.list(call.merchant_id)]))


@routes.post("/keys", status_code=201, response_model=shapes.KeyWithSecret, summary="Make an API key")
@keyed("keys:write")
def post_key(body: shapes.CreateKeyRequest, call: InCall) -> JSONResponse:
    """Make a key that may do no more than the one that asks for it. Its secret is shown this once."""
    held = call.caller.scopes if call.caller else frozenset()
    scopes = scopes_of(body.role, body.scopes)
    if beyond := scopes - held:
        raise MissingScope(min(beyond))
    kept = Kept(call, 201, _with_secret)
    create_key(
        call.services.store,
        call.merchant_id,
        now=call.now(),
        name=parse_key_name(body.name),
        scopes=scopes,
        live=not call.services.chain().network.is_local,
        expires_at=body.expires_at,
        keep=kept,
        by=call.by,
    )
    return kept.response


@routes.delete("/keys/{id}", response_model=shapes.RevokedKey, summary="Revoke an API key")
@keyed("keys:write")
def delete_key(id: str, call: InCall) -> JSONResponse:  # noqa: A002
    """Revoke a key of the merchant's; one may revoke the key that one asks with."""
    revoke_key(call.services.store, call.merchant_id, id, call.now(), by=call.by)
    return JSONResponse({"id": id, "revoked": True})


def _with_secret(_tx: Transaction, new: NewKey) -> dict[str, Any]:
    return {**show_key(new.key), "secret": new.secret}

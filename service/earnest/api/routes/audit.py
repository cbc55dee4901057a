"""The audit log: who changed what in the merchant's account."""

from __future__ import annotations

from fastapi.responses import JSONResponse

from earnest.api.access import keyed
from earnest.api.call import InCall
from earnest.api.route import router
from earnest.api.routes.payments import Cursor, Limit
from earnest.api.schemas.audit import AuditEntry
from earnest.api.schemas.common import ListOf
from earnest.api.show import show_audit_entry, show_page

routes = router("/v1", "keys")


@routes.get("/audit_log", response_model=ListOf[AuditEntry], summary="Who changed what")
@keyed("audit:read")
def get_audit_log(call: InCall, cursor: Cursor = None, limit: Limit = 20) -> JSONResponse:
    """List what was changed in the merchant's account, newest first: keys, endpoints, and what was sent to the chain.

    Each entry holds the hash of the one before it, whoever's that is; `earnest doctor` checks the whole chain.
    """
    with call.services.store.read() as tx:
        page = tx.audit.page(call.merchant_id, cursor=cursor, limit=limit)
    return JSONResponse(show_page(page, show_audit_entry))

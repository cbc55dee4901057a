"""For monitors: is it alive, may it be sent requests, how far is it, and the numbers."""

from __future__ import annotations

from fastapi.responses import JSONResponse, Response

from earnest.api.access import public
from earnest.api.call import InCall
from earnest.api.health import reasons_against, sync_of
from earnest.api.metrics import CONTENT_TYPE
from earnest.api.route import router
from earnest.api.schemas.operation import Live, Ready, Sync

routes = router(tag="operation")


@routes.get("/health/live", response_model=Live, summary="Is the process alive?")
@public(limited=False)
async def get_live(call: InCall) -> JSONResponse:
    """Answer; nothing else is asked, and no thread is needed that others could have taken."""
    return JSONResponse({"status": "live", "version": call.services.version})


@routes.get(
    "/health/ready",
    response_model=Ready,
    summary="May requests be sent here?",
    responses={503: {"model": Ready, "description": "Not now, for these reasons."}},
)
@public(limited=False)
def get_ready(call: InCall) -> JSONResponse:
    """Answer 503 with reasons while the database does not answer or the follower lags."""
    reasons = reasons_against(call.services)
    return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)


@routes.get("/health/sync", response_model=Sync, summary="How far is each chain mirrored?")
@public(limited=False)
def get_sync(call: InCall) -> JSONResponse:
    """Return each chain's head, final block and lag."""
    return JSONResponse({"chains": sync_of(call.services)})


@routes.get("/metrics", response_class=Response, summary="Numbers for Prometheus")
@public(limited=False)
def get_metrics(call: InCall) -> Response:
    """Return the numbers in Prometheus' text format; no label holds anything of a caller's."""
    return Response(call.metrics.text(), media_type=CONTENT_TYPE)

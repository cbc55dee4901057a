"""What the OpenAPI document says beyond the routes themselves: keys, scopes, and the shape of every problem."""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from earnest.api.access import Access
from earnest.api.problems import MEDIA_TYPE

_PROBLEM: Final[dict[str, Any]] = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ALWAYS: Final = {422: "The request cannot be used.", 429: "Asked too often.", 503: "A part does not answer now."}
_KEYED: Final = {401: "No valid API key.", 403: "The key lacks the scope.", 409: "It does not fit the present state."}
_NAMED: Final = {404: "Nothing of that name, or it is somebody else's."}

PROBLEM_SCHEMA: Final[dict[str, Any]] = {
    "title": "Problem",
    "type": "object",
    "description": "An error, as RFC 9457 has it. Programs go by `code`; people read `detail`.",
    "required": ["type", "title", "status", "detail", "instance", "code", "param", "retryable", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The code as a URN; there is no page behind it."},
        "title": {"type": "string", "description": "What kind of problem it is, the same each time."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What happened this time, and what to do about it."},
        "instance": {"type": "string", "description": "The path that was asked."},
        "code": {"type": "string", "description": "Stable, for programs.", "examples": ["too_late"]},
        "param": {"type": ["string", "null"], "description": "The field that is to blame, if one is."},
        "retryable": {"type": "boolean", "description": "Whether the same request can succeed later by itself."},
        "request_id": {"type": "string", "description": "Tell this to the host if you ask about it."},
        "errors": {
            "type": "array",
            "description": "Where several fields are wrong: each of them.",
            "items": {
                "type": "object",
                "properties": {"param": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}

DESCRIPTION: Final = """\
Escrow checkout: a merchant creates a payment, a buyer pays into a contract that nobody owns, and signed webhooks tell
what happened.

* **Status and finality are two things.** `status` says what the contract's facts are, `finality` how sure the chain is
  of them. A reorg takes a payment back, and the webhook `payment.reorged` says so.
* **Nothing here writes a status.** Verbs are sent to the chain and answered with 202; the status moves when the chain's
  own log comes back.
* **Amounts** are base units as strings, with the decimals beside them. **Times** are RFC 3339 in UTC.
* **`Idempotency-Key`** on any POST with an API key: the same key and body gives the stored answer, with the header
  `Idempotency-Replayed: true`; the same key with another body is refused with 422, one still running with 409. Answers
  are kept for at least a day. Only what was done is kept: after a refusal (any 4xx, 5xx) the key is free again.
* **Errors** are `application/problem+json` (RFC 9457).
"""


def described(access: Access, options: dict[str, Any]) -> dict[str, Any]:
    """Return a route's options with its security and its problems described."""
    statuses = {**_ALWAYS, **_NAMED, **(_KEYED if access.scope else {})}
    problems = {status: {"description": text, "content": _PROBLEM} for status, text in statuses.items()}
    options["responses"] = {**problems, **(options.get("responses") or {})}
    security = [{"apiKey": [access.scope]}] if access.scope else []
    options["openapi_extra"] = {"security": security, **(options.get("openapi_extra") or {})}
    return options


def document(app: FastAPI, version: str, public_url: str) -> dict[str, Any]:
    """Return the OpenAPI document of the service."""
    made = get_openapi(
        title="Earnest",
        version=version,
        summary="Escrow checkout over HTTP.",
        description=DESCRIPTION,
        routes=app.routes,
        servers=[{"url": public_url}],
    )
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = PROBLEM_SCHEMA
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "apiKey": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key such as `ek_test_…`, shown once when it is made. Each operation names its scope.",
        }
    }
    return made

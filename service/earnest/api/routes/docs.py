"""The description of the API: as OpenAPI for programs, and as one plain page for people."""

from __future__ import annotations

from html import escape
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse

from earnest.api.access import public
from earnest.api.route import router

routes = router()

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "code{background:#8882;padding:.1em .3em;border-radius:.2em}h2{margin-top:2.5rem}dt{margin-top:1rem}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"


@routes.get("/openapi.json", include_in_schema=False)
@public(cross_origin=True)
def get_openapi(request: Request) -> JSONResponse:
    """Return the OpenAPI document."""
    return JSONResponse(request.app.openapi())


@routes.get("/docs", include_in_schema=False)
@public()
def get_docs(request: Request) -> HTMLResponse:
    """Return one page that lists every operation; no scripts, nothing loaded from elsewhere."""
    return HTMLResponse(_page(request.app.openapi()), headers={"Content-Security-Policy": _POLICY})


def _page(document: dict[str, Any]) -> str:
    rows: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            scopes = [scope for each in operation.get("security", []) for scope in each.get("apiKey", [])]
            needs = f"key with <code>{escape(scopes[0])}</code>" if scopes else "public"
            rows.setdefault(operation.get("tags", [""])[0], []).append(
                f"<dt><code>{escape(method.upper())} {escape(path)}</code> ({needs})</dt>"
                f"<dd>{escape(operation.get('description', ''))}</dd>"
            )
    parts = "".join(f"<h2>{escape(tag)}</h2><dl>{''.join(lines)}</dl>" for tag, lines in rows.items())
    info = document["info"]
    about = "".join(f"<p>{escape(each)}</p>" for each in info["description"].replace("* **", "\n\n**").split("\n\n"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Earnest API</title><style>{_STYLE}</style>'
        f"</head><body><h1>Earnest API {escape(info['version'])}</h1>{about}"
        f'<p>For programs: <a href="/openapi.json">/openapi.json</a></p>{parts}</body></html>'
    )

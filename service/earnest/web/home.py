"""The front door, and the files of all pages."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from earnest.web.assets import PREFIX, load_assets
from earnest.web.errors import NoSuchPage
from earnest.web.route import page, router

routes = router()


@routes.get("/")
def get_home(request: Request) -> HTMLResponse:
    """Say what this is, to whoever came without a payment's link."""
    return page(request, "home.html")


@routes.get(PREFIX + "/{digest}/{path:path}")
def get_asset(digest: str, path: str, request: Request) -> Response:
    """Return a style sheet or a script."""
    assets = load_assets()
    asset = assets.files.get(path)
    if asset is None:
        raise NoSuchPage(f"there is no file at {request.url.path}")
    headers = {"Cache-Control": assets.caching(digest), "ETag": f'"{assets.digest}"'}
    return Response(asset.body, media_type=asset.media_type, headers=headers)

"""Scripts and styles; anybody may have them."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import Response

from review.web.access import GuardedRoute, allow
from review.web.assets import Asset

router = APIRouter(route_class=GuardedRoute)


@router.get("/static/{digest}/{name:path}")
@allow(None)
def asset(request: Request, digest: str, name: str) -> Response:
    assets: Mapping[str, Asset] = request.app.state.assets
    found = assets.get(name)
    if found is None or found.digest != digest:
        raise HTTPException(404, "There is no such file.")
    return Response(
        found.body,
        media_type=found.media_type,
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@router.get("/favicon.ico")
@allow(None)
def icon(request: Request) -> Response:
    assets: Mapping[str, Asset] = request.app.state.assets
    return Response(assets["icon.svg"].body, media_type=assets["icon.svg"].media_type)

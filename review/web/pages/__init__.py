"""The pages, a module each."""

from __future__ import annotations

from review.web.pages import sign_in, static

ROUTERS = (static.router, sign_in.router)

"""The pages, a module each."""

from __future__ import annotations

from review.web.pages import (
    accounts,
    allow_list,
    audit,
    campaign,
    campaign_export,
    changes,
    compare,
    decisions,
    map,  # noqa: A004 the page of that name
    operators,
    proposals,
    queue,
    queue_export,
    runs,
    sign_in,
    static,
)

ROUTERS = (
    static.router,
    sign_in.router,
    queue.router,
    campaign.router,
    campaign_export.router,
    changes.router,
    compare.router,
    decisions.router,
    proposals.router,
    accounts.router,
    allow_list.router,
    audit.router,
    map.router,
    operators.router,
    runs.router,
    queue_export.router,
)

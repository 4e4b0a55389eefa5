"""Campaigns as a MISP event: an attribute for each fingerprint, with days, marking and what the campaign is after.

Ids are UUIDv5 as in `enforcement.sharing.stix`. The form is that of MISP's core format,
https://www.misp-standard.org/rfc/misp-standard-core.html.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

from campaigns.entries import Tlp
from enforcement.sharing.stix import NAMESPACE, PATTERN, TEMPLATE_PATTERN
from enforcement.sharing.told import Terms, ToldCampaign, in_words

_MEDIUM, _ANALYSED, _BY_COMMUNITY = "2", "2", "1"
"""Threat level, state of the analysis, distribution."""
_ONLY_US: Final = "0"


def misp_event(told: Sequence[ToldCampaign], terms: Terms) -> str:
    """The event as JSON, the same for the same campaigns on the same days."""
    last = max((one.last_day for one in told), default=date(2026, 1, 1))
    first = min((one.first_day for one in told), default=last)
    stamp = str(int(_at(last).timestamp()))
    attributes = [made for one in told for made in _attributes(one, terms, stamp)]
    event = {
        "uuid": _uuid("event", terms.producer, *(one.campaign_id for one in told)),
        "info": f"Prompt campaigns: {len(told)}",
        "date": first.isoformat(),
        "timestamp": stamp,
        "published": False,
        "analysis": _ANALYSED,
        "threat_level_id": _MEDIUM,
        "distribution": _ONLY_US if terms.tlp == Tlp.RED else _BY_COMMUNITY,
        "Orgc": {"name": terms.producer, "uuid": _uuid("organization", terms.producer)},
        "Tag": [{"name": f"tlp:{terms.tlp}"}],
        "Attribute": attributes,
    }
    return json.dumps({"Event": event}, ensure_ascii=True, indent=2, sort_keys=True) + "\n"


def _attributes(one: ToldCampaign, terms: Terms, stamp: str) -> list[dict[str, Any]]:
    size = f"{in_words(one.prompts)} prompts from {in_words(one.accounts)} accounts on {one.last_day}"
    found = []
    for wording in one.wordings:
        values = {PATTERN: json.dumps(wording.fingerprint(), sort_keys=True, separators=(",", ":"))}
        if wording.template is not None:
            values[TEMPLATE_PATTERN] = json.dumps({"template": wording.template_parts()}, ensure_ascii=True)
        for kind, told in values.items():
            found.append(
                {
                    "uuid": _uuid("attribute", terms.producer, one.campaign_id, str(wording.variant), kind),
                    "type": "other",
                    "category": "Other",
                    "to_ids": False,
                    "distribution": "5",
                    "timestamp": stamp,
                    "comment": f"{kind} of {one.campaign_id}, wording {wording.variant + 1}: {size}",
                    "value": told,
                    "Tag": [
                        {"name": f'shoal:{name}="{value}"'}
                        for name, value in (
                            ("objective", one.objective),
                            ("first_seen", one.first_day),
                            ("last_seen", one.last_day),
                        )
                    ],
                }
            )
    return found


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(NAMESPACE, json.dumps(parts)))


def _at(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)

"""Campaigns as a STIX 2.1 bundle: campaigns, indicators with fingerprints, attack patterns for what they are after,
sightings in bands.

Ids are UUIDv5 of who tells and what of, so the same campaign told twice is the same object. Times are those of the
campaign's days and no wall clock's.

STIX 2.1, https://docs.oasis-open.org/cti/stix/v2.1/stix-v2.1.html.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import stix2

from campaigns.entries import Tlp
from enforcement.sharing.told import Terms, ToldCampaign, ToldWording, in_words

NAMESPACE: Final = uuid.UUID("5b0b5a1e-6f0c-5d1b-9d53-2f4a6f0a7c11")
"""Of all ids that Shoal gives to what it tells."""
PATTERN: Final = "shoal-fingerprint"
TEMPLATE_PATTERN: Final = "shoal-template"
PATTERN_VERSION: Final = "1"
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
_MARKINGS: Final = {
    Tlp.CLEAR: stix2.TLP_WHITE,
    Tlp.GREEN: stix2.TLP_GREEN,
    Tlp.AMBER: stix2.TLP_AMBER,
    Tlp.RED: stix2.TLP_RED,
}


def stix_bundle(told: Sequence[ToldCampaign], terms: Terms) -> str:
    """The bundle as JSON, the same for the same campaigns on the same days."""
    marking = _MARKINGS[terms.tlp]
    producer = stix2.Identity(
        id=_id("identity", terms.producer),
        name=terms.producer,
        identity_class="organization",
        created=_EPOCH,
        modified=_EPOCH,
    )
    common = {"created_by_ref": producer.id, "object_marking_refs": [marking.id]}
    objects: dict[str, Any] = {producer.id: producer, marking.id: marking}
    for one in told:
        for made in _objects(one, producer.id, common):
            objects[made.id] = made
    ordered = [objects[name] for name in sorted(objects)]
    bundle = stix2.Bundle(
        objects=ordered,
        id=_id("bundle", terms.producer, *(f"{made.id} {made.get('modified', '')}" for made in ordered)),
    )
    return str(bundle.serialize(pretty=True, ensure_ascii=True)) + "\n"


def _objects(one: ToldCampaign, producer: str, common: dict[str, Any]) -> list[Any]:
    first, last = _at(one.first_day), _at(one.last_day + timedelta(days=1))
    dates = {"created": first, "modified": last}
    campaign = stix2.Campaign(
        id=_id("campaign", producer, one.campaign_id),
        name=one.campaign_id,
        description="A family of templated prompts that one operator sends through many accounts.",
        objective=str(one.objective),
        first_seen=first,
        last_seen=last,
        **dates,
        **common,
    )
    after = stix2.AttackPattern(
        id=_id("attack-pattern", producer, str(one.objective)),
        name=f"Harvesting of model outputs: {one.objective}",
        created=_EPOCH,
        modified=_EPOCH,
        **common,
    )
    made = [campaign, after, _tie(producer, "uses", campaign, after, dates, common)]
    for wording in one.wordings:
        for indicator in _indicators(one, wording, producer, dates, common):
            made += [indicator, _tie(producer, "indicates", indicator, campaign, dates, common)]
    made.append(
        stix2.Sighting(
            id=_id("sighting", producer, one.campaign_id),
            sighting_of_ref=campaign.id,
            where_sighted_refs=[producer],
            first_seen=first,
            last_seen=last,
            count=one.prompts[0],
            description=(
                f"On {one.last_day}: {in_words(one.prompts)} prompts from {in_words(one.accounts)} accounts. "
                "The count is the lower end of its band."
            ),
            **dates,
            **common,
        )
    )
    return made


def _indicators(
    one: ToldCampaign, wording: ToldWording, producer: str, dates: dict[str, Any], common: dict[str, Any]
) -> list[Any]:
    """The fingerprint, and the template where text is told."""
    patterns = {PATTERN: wording.fingerprint()}
    if wording.template is not None:
        patterns[TEMPLATE_PATTERN] = {"template": wording.template_parts()}
    return [
        stix2.Indicator(
            id=_id("indicator", producer, one.campaign_id, str(wording.variant), kind),
            name=f"{one.campaign_id}, wording {wording.variant + 1}",
            indicator_types=["malicious-activity"],
            pattern=json.dumps(pattern, sort_keys=True, ensure_ascii=True, separators=(",", ":")),
            pattern_type=kind,
            pattern_version=PATTERN_VERSION,
            valid_from=dates["created"],
            labels=[str(one.objective)],
            **dates,
            **common,
        )
        for kind, pattern in patterns.items()
    ]


def _tie(
    producer: str, kind: str, source: Any, target: Any, dates: dict[str, Any], common: dict[str, Any]
) -> Any:
    return stix2.Relationship(
        id=_id("relationship", producer, kind, source.id, target.id),
        relationship_type=kind,
        source_ref=source.id,
        target_ref=target.id,
        **dates,
        **common,
    )


def _id(kind: str, *parts: str) -> str:
    return f"{kind}--{uuid.uuid5(NAMESPACE, json.dumps([kind, *parts]))}"


def _at(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)

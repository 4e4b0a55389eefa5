"""STIX bundles and MISP events of partners, as rows of a file of seeds; what they tell besides is passed over.

Only indicators and attributes that hold a fingerprint or a template of Shoal's are read, as `docs/seeds.md` describes
them. The rows are then checked like those of any other file: nothing is taken because a standard wraps it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

FINGERPRINT: Final = "shoal-fingerprint"
TEMPLATE: Final = "shoal-template"
_MARKINGS: Final = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
}
"""Of STIX 2.1, 7.2.1.4."""

Rows = list[tuple[str, Any]]


def shared_rows(value: Any) -> Rows | None:
    """Rows with their places; None if this is neither a bundle nor an event."""
    if not isinstance(value, Mapping):
        return None
    if value.get("type") == "bundle" and isinstance(value.get("objects"), list):
        return list(_of_bundle(value["objects"]))
    event = value.get("Event")
    if isinstance(event, Mapping) and isinstance(event.get("Attribute"), list):
        return list(_of_event(event))
    return None


def _of_bundle(objects: list[Any]) -> Iterator[tuple[str, Any]]:
    for number, one in enumerate(objects, 1):
        if not isinstance(one, Mapping) or one.get("type") != "indicator":
            continue
        if one.get("pattern_type") not in (FINGERPRINT, TEMPLATE):
            continue
        markings = [_MARKINGS.get(str(ref), "red") for ref in _list(one.get("object_marking_refs"))]
        row = _row(one["pattern_type"], one.get("pattern"), _first(one.get("labels")), markings)
        yield f"object {number}", row | _days(one.get("valid_from"), one.get("modified"))


def _of_event(event: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    whole = [_tlp(tag) for tag in _tags(event)]
    for number, one in enumerate(event["Attribute"], 1):
        if not isinstance(one, Mapping):
            continue
        kind = str(one.get("comment", "")).partition(" ")[0]
        if kind not in (FINGERPRINT, TEMPLATE):
            continue
        tags = _tags(one)
        told = {name: value[:-1] for name, equals, value in (tag.partition('="') for tag in tags) if equals}
        markings = [found for found in (*whole, *map(_tlp, tags)) if found]
        row = _row(kind, one.get("value"), told.get("shoal:objective"), markings)
        yield f"attribute {number}", row | _days(told.get("shoal:first_seen"), told.get("shoal:last_seen"))


def _row(kind: str, text: Any, objective: Any, markings: list[str]) -> dict[str, Any]:
    """A row as files of seeds have it; what is not JSON is left for their checks to refuse."""
    try:
        held = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        held = text
    row: dict[str, Any] = {"fingerprints": held} if kind == FINGERPRINT else {}
    if kind == TEMPLATE:
        row["template"] = held.get("template") if isinstance(held, Mapping) else held
    if objective is not None:
        row["objective"] = objective
    if markings:
        order = list(_MARKINGS.values())
        row["tlp"] = max(markings, key=order.index)
    return row


def _days(first: Any, last: Any) -> dict[str, str]:
    """Days of the times, as far as they look like some."""
    return {
        name: value[:10]
        for name, value in (("first_seen", first), ("last_seen", last))
        if isinstance(value, str) and value
    }


def _tags(held: Mapping[str, Any]) -> list[str]:
    return [str(tag.get("name", "")) for tag in _list(held.get("Tag")) if isinstance(tag, Mapping)]


def _tlp(tag: str) -> str:
    """The marking of a tag; one that is not known is the strictest; empty: it is none."""
    if not tag.startswith("tlp:"):
        return ""
    name = tag.removeprefix("tlp:").replace("white", "clear").replace("amber+strict", "red")
    return name if name in _MARKINGS.values() else "red"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(value: Any) -> Any:
    found = _list(value)
    return found[0] if found else None

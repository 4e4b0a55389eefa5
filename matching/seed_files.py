"""What partners send: templates, example texts and fingerprints, from a file that nobody here vouches for.

One JSON document, or JSON Lines whose first line is the head; or a STIX bundle or a MISP event. The format is described
in `docs/seeds.md`. A file that cannot be read as a whole is an error; a seed that is not as it should be costs itself
alone, with the reason.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np

from campaigns.entries import Fingerprint, Tlp
from campaigns.errors import InputError
from campaigns.records import Objective, Slot, Template
from campaigns.settings import LabelSettings
from labeling.collisions import constant_words
from labeling.template import align
from matching.shared_files import shared_rows

VERSION: Final = 1
SCHEME: Final = "open-1"
"""How features are hashed: as `embeddings.scaffold` and `embeddings.edges` do, without a key."""

MOST_BYTES: Final = 8 << 20
"""Of a file. JSON of nothing but brackets takes some twenty times its room."""
MOST_SEEDS: Final = 1_000
MOST_TEXTS: Final = 200
MOST_PARTS: Final = 200
MOST_CHARACTERS: Final = 20_000
"""Of one text, and of all constants of one template."""
MOST_FEATURES: Final = 5_000
MOST_WEIGHT: Final = 100.0
"""Nats. The weight of a feature is at most the logarithm of how many accounts there are."""
_NOTE_CHARACTERS: Final = 1_000

_CONTENTS: Final = ("template", "texts", "fingerprints")
_KINDS: Final = frozenset({"number", "name", "code", "url", "question", "list", "text"})
_FEATURE: Final = re.compile("[0-9a-f]{16}")
_HINT: Final = 'A file begins {"shoal_seeds": 1, ...}; see docs/seeds.md.'


@dataclass(frozen=True, slots=True)
class ToldSeed:
    """A seed as the file has it: either a template or a fingerprint.

    Attributes:
        place: where in the file, for people.
        tlp: None where neither the seed nor the head says.
    """

    place: str
    template: Template | None
    fingerprint: Fingerprint | None
    tlp: Tlp | None
    note: str
    objective: Objective | None
    first_seen: date | None
    last_seen: date | None

    def seed_id(self, partner: str) -> str:
        """The same for the same content from the same partner, however spaced and whatever its slots are called."""
        content: dict[str, Any] = {}
        if self.template is not None:
            content["parts"] = [
                _canon(part) if isinstance(part, str) else None for part in self.template.parts
            ]
        if self.fingerprint is not None:
            content["fingerprint"] = [self.fingerprint.features, self.fingerprint.weights]
        said = json.dumps([_canon(partner).casefold(), content], ensure_ascii=True, separators=(",", ":"))
        digest = hashlib.blake2b(said.encode(), digest_size=10).digest()
        return "s-" + base64.b32encode(digest).decode().lower()


@dataclass(frozen=True, slots=True)
class RefusedSeed:
    """A seed that is not taken, and why. The reason repeats nothing of what it holds."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class SeedFile:
    name: str
    sha256: str
    seeds: tuple[ToldSeed, ...]
    refused: tuple[RefusedSeed, ...]


def read_seed_file(path: Path, settings: LabelSettings) -> SeedFile:
    """
    Args:
        settings: how example texts are aligned to a template.

    Raises:
        InputError: the file is not there, too large, of no known format or version, or holds no seed or too many.
    """
    raw = _bytes(path)
    head, rows = _rows(raw, path)
    version = head.get("shoal_seeds")
    if version != VERSION or isinstance(version, bool):
        raise InputError(
            f"seeds of an unknown version; this Shoal reads version {VERSION}", where=str(path), hint=_HINT
        )
    try:
        defaults = _Told(head, ("shoal_seeds", "seeds", "tlp", "note"))
        tlp, note = defaults.tlp(), defaults.note()
    except _SeedError as fault:
        raise InputError(f"the head cannot be read: {fault}", where=str(path), hint=_HINT) from None
    if not 0 < len(rows) <= MOST_SEEDS:
        raise InputError(
            f"the file holds {'more than ' + f'{MOST_SEEDS:,}' if rows else 'no'} seeds",
            where=str(path),
            hint=f"Send at least one and at most {MOST_SEEDS:,} a file.",
        )
    seeds: list[ToldSeed] = []
    refused: list[RefusedSeed] = []
    for place, row in rows:
        try:
            seeds.append(_seed(place, row, tlp, note, settings))
        except _SeedError as fault:
            refused.append(RefusedSeed(place, str(fault)))
    return SeedFile(path.name, hashlib.sha256(raw).hexdigest(), tuple(seeds), tuple(refused))


class _SeedError(Exception):
    """Why a seed is not taken."""


def _bytes(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise InputError("no such file", where=str(path), hint="Name one file of seeds.")
        with path.open("rb") as handle:
            raw = handle.read(MOST_BYTES + 1)
    except OSError as error:
        raise InputError(
            f"the file cannot be read: {error.strerror}", where=str(path), hint="Check its rights."
        ) from None
    if len(raw) > MOST_BYTES:
        raise InputError(
            f"the file is larger than {MOST_BYTES >> 20} MB", where=str(path), hint="Send it in parts."
        )
    return raw


_Rows = list[tuple[str, Any]]


def _rows(raw: bytes, path: Path) -> tuple[Mapping[str, Any], _Rows]:
    """The head, and the seeds with their places, one more than may be at most; broken lines are a `_SeedError`."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("the file is not UTF-8", where=str(path), hint=_HINT) from None
    first, _, rest = text.strip().partition("\n")
    head = _json(first)
    if isinstance(head, dict) and not head.keys() & {"seeds", "objects", "Event"}:
        lines = ((number, line) for number, line in enumerate(rest.split("\n"), 2) if line.strip())
        return head, [(f"line {number}", _json(line)) for number, line in islice(lines, MOST_SEEDS + 1)]
    whole = head if isinstance(head, dict) else _json(text)
    shared = shared_rows(whole)
    if shared is not None:
        return {"shoal_seeds": VERSION, "seeds": []}, shared[: MOST_SEEDS + 1]
    if not isinstance(whole, dict) or not isinstance(whole.get("seeds"), list):
        raise InputError("the file holds no seeds as JSON", where=str(path), hint=_HINT)
    return whole, [(f"seed {number}", row) for number, row in enumerate(whole["seeds"][: MOST_SEEDS + 1], 1)]


def _json(text: str) -> Any:
    """The value, or a `_SeedError` in its place."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return _SeedError("it is not JSON")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True)
class _Told:
    """An object of the file, asked for one thing at a time; each answer is checked or a `_SeedError`."""

    value: Mapping[str, Any]
    known: Sequence[str]

    def __post_init__(self) -> None:
        strange = [name for name in self.value if name not in self.known]
        if strange:
            raise _SeedError(f"it has {len(strange)} keys beside {', '.join(self.known)}")

    def text(self, name: str, most: int) -> str:
        return _text(self.value[name], name, most)

    def tlp(self) -> Tlp | None:
        given = self.value.get("tlp")
        if given is None:
            return None
        if given not in list(Tlp):
            raise _SeedError(f"`tlp` is none of {', '.join(Tlp)}")
        return Tlp(given)

    def note(self) -> str:
        return self.text("note", _NOTE_CHARACTERS) if self.value.get("note") else ""

    def objective(self) -> Objective | None:
        given = self.value.get("objective")
        if given is None:
            return None
        if given not in list(Objective):
            raise _SeedError(f"`objective` is none of {', '.join(Objective)}")
        return Objective(given)

    def day(self, name: str) -> date | None:
        given = self.value.get(name)
        if given is None:
            return None
        try:
            return date.fromisoformat(self.text(name, 10))
        except ValueError:
            raise _SeedError(f"`{name}` is not a day, YYYY-MM-DD") from None

    def list(self, name: str, most: int) -> list[Any]:
        given = self.value[name]
        if not isinstance(given, list):
            raise _SeedError(f"`{name}` is not a list")
        if not 0 < len(given) <= most:
            raise _SeedError(f"`{name}` has {len(given):,} entries; from 1 to {most:,} are taken")
        return given


def _seed(place: str, row: Any, tlp: Tlp | None, note: str, settings: LabelSettings) -> ToldSeed:
    if isinstance(row, _SeedError):
        raise row
    if not isinstance(row, dict):
        raise _SeedError("it is not an object")
    told = _Told(row, (*_CONTENTS, "tlp", "note", "objective", "first_seen", "last_seen"))
    given = [name for name in _CONTENTS if name in row]
    if len(given) != 1:
        raise _SeedError(f"it has {len(given)} of {', '.join(_CONTENTS)}; one is needed")
    template = fingerprint = None
    if given == ["fingerprints"]:
        fingerprint = _fingerprint(row["fingerprints"])
    else:
        template = _from_parts(told) if given == ["template"] else _from_texts(told, settings)
        if not constant_words(template):
            raise _SeedError("it has no constant words that could be sought")
    first, last = told.day("first_seen"), told.day("last_seen")
    if first is not None and last is not None and first > last:
        raise _SeedError("`first_seen` is after `last_seen`")
    own = told.tlp()
    strictest = own if tlp is None else tlp if own is None else own.stricter(tlp)
    return ToldSeed(
        place, template, fingerprint, strictest, told.note() or note, told.objective(), first, last
    )


def _from_parts(told: _Told) -> Template:
    parts: list[str | Slot] = []
    for part in told.list("template", MOST_PARTS):
        if not isinstance(part, dict) or len(part) != 1 or not part.keys() <= {"text", "slot"}:
            raise _SeedError('a part is neither {"text": ...} nor {"slot": ...}')
        if "slot" in part:
            kind = _text(part["slot"], "slot", _NOTE_CHARACTERS)
            if not parts or isinstance(parts[-1], str):
                parts.append(Slot(kind if kind in _KINDS else "text", 0, ()))
            continue
        text = _text(part["text"], "text", MOST_CHARACTERS)
        before = parts.pop() if parts and isinstance(parts[-1], str) else ""
        parts.append(f"{before}{text}")
    if sum(len(part) for part in parts if isinstance(part, str)) > MOST_CHARACTERS:
        raise _SeedError(f"the template has more than {MOST_CHARACTERS:,} characters")
    return Template(tuple(parts), 0.0, 0.0, 1.0)


def _from_texts(told: _Told, settings: LabelSettings) -> Template:
    """Without the values that stood in the slots: they are the partner's customers' words, and nobody needs them."""
    texts = [_text(text, "texts", MOST_CHARACTERS) for text in told.list("texts", MOST_TEXTS)]
    if len(set(texts)) == 1:
        return Template((texts[0],), 1.0, 0.0, 1.0)
    made = align(texts, settings=settings)
    parts = (part if isinstance(part, str) else Slot(part.kind, part.n_values, ()) for part in made.parts)
    return Template(tuple(parts), made.constant_share, made.saved_bits, made.accepted)


def _fingerprint(value: Any) -> Fingerprint:
    if not isinstance(value, dict):
        raise _SeedError("`fingerprints` is not an object")
    told = _Told(value, ("scheme", "features", "weights", "tokens"))
    missing = [name for name in told.known if name not in value]
    if missing:
        raise _SeedError(f"`fingerprints` lacks {', '.join(missing)}")
    if value["scheme"] != SCHEME:
        raise _SeedError(
            f"its features are not hashed as {SCHEME}; those with a key of the partner's own cannot be compared"
        )
    features = told.list("features", MOST_FEATURES)
    weights = told.list("weights", MOST_FEATURES)
    tokens = value["tokens"]
    if len(weights) != len(features):
        raise _SeedError("there is not one weight for each feature")
    if not all(isinstance(name, str) and _FEATURE.fullmatch(name) for name in features):
        raise _SeedError("a feature is not 16 hexadecimal digits in lower case")
    if not all(_is_weight(weight) for weight in weights):
        raise _SeedError(f"a weight is not a number above 0 and up to {MOST_WEIGHT:g}")
    if not isinstance(tokens, int) or isinstance(tokens, bool) or not 0 < tokens <= MOST_CHARACTERS:
        raise _SeedError(f"`tokens` is not a number from 1 to {MOST_CHARACTERS:,}")
    if len(set(features)) < len(features):
        raise _SeedError("a feature stands there twice")
    pairs = sorted(
        (int(name, 16), float(np.float32(weight))) for name, weight in zip(features, weights, strict=True)
    )
    return Fingerprint(tuple(name for name, _ in pairs), tuple(weight for _, weight in pairs), tokens)


def _is_weight(value: Any) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= MOST_WEIGHT:
        return False
    return bool(np.float32(value) > 0)  # the smallest numbers are nothing in 32 bits


def _text(value: Any, name: str, most: int) -> str:
    if not isinstance(value, str):
        raise _SeedError(f"`{name}` is not text")
    if len(value) > most:
        raise _SeedError(f"`{name}` has more than {most:,} characters")
    if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise _SeedError(f"`{name}` holds NUL or half a surrogate pair")
    if not value.strip():
        raise _SeedError(f"`{name}` is blank")
    return value


def _canon(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())

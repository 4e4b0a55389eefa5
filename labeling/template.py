"""The template of a family: what all members say, with typed slots where they differ."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campaigns.errors import IntegrityError
from campaigns.records import Slot, Template
from campaigns.settings import LabelSettings
from campaigns.tokens import Tokens, tokenize
from labeling.alignment import Alignment, Clipped, clip, constants, wording
from labeling.matcher import Matcher, compile_template, slot_bytes
from labeling.slots import slot

SUPPORTS = (0.8, 0.95)
"""Shares of the members that must hold a constant; the one that saves more bits is taken."""

ENOUGH_BITS = 48.0
"""Templates that save less are compared with that of the commonest wording alone. Above it a passage that
recurs in a slot of many members must not be taken for a wording of its own."""

_REFINEMENTS = 3
"""Times that the template is read again from the members that hold it."""

_VOTERS = 50
"""Members asked for the spelling of a constant."""


@dataclass(frozen=True, slots=True)
class _Family:
    """Members in the order of their content; `raw` is their UTF-8."""

    raw: list[bytes]
    tokens: Tokens
    weights: NDArray[np.int64]


def align(
    texts: Sequence[str], weights: NDArray[np.int64] | None = None, settings: LabelSettings | None = None
) -> Template:
    """Align the members of a family.

    Constants are found on at most `template_sample` members, drawn evenly over the order of length; so
    nothing depends on the order of `texts`, and no random number is needed. Every member counts once for the
    constants, however often it was sent; `constant_share`, `saved_bits` and `accepted` count prompts.

    A family of several wordings has few words in all members. Then the commonest wording is tried too, and
    the template with the larger `saved_bits` is taken; `accepted` says how many members it speaks for.

    Args:
        texts: members, n >= 1; repeats are allowed.
        weights: int64 (n,), prompts per member; default 1.

    Returns:
        The template. With p0 the order-0 model of the members' tokens, B the bits of all constants under p0
        and g(l) = 2 log2(l + 1) + 1 the bits that say how long something of l tokens is (Elias 1975), it saves
        per member

            accepted * (B + mean over accepted of (g(length) - sum of g(slot length)))
                - 1 - (B + sum of g(constant length)) / n

        against writing how long a prompt is and every token under p0: a flag per member, and the template
        itself once (Rissanen's minimum description length, 1978). Negative where a template explains nothing.
    """
    settings = settings or LabelSettings()
    family = _ordered(texts, weights)
    drawn = _drawn(family, _spread(len(family.raw), settings.template_sample))
    clipped = clip(drawn.tokens.indptr, drawn.tokens.shapes)
    best = _better(None, np.arange(len(clipped)), clipped, drawn)
    if best.bits < ENOUGH_BITS:
        best = _better(best, wording(clipped), clipped, drawn)
    for _ in range(_REFINEMENTS):
        before = best.bits
        holders = np.flatnonzero(_matcher(best.found).match_tokens(drawn.tokens))
        if 1 < len(holders) < len(clipped):
            best = _better(best, holders, clipped, drawn)
        if best.bits <= before:
            break
    return _template(best.found, drawn, family)


def is_template(template: Template, n_prompts: int) -> bool:
    """Whether the constants are more than some of a day's `n_prompts` prompts happen to share.

    It must save the log2(n_prompts) bits that say which prompt of the day it was read from. By chance a code saves
    b bits on at most one prompt in 2^b (Grünwald, The Minimum Description Length Principle, 2007), so about one
    template a day passes by accident, however large the day.
    """
    return template.saved_bits >= math.log2(max(n_prompts, 2))


def template_to_json(template: Template) -> str:
    """One line; constants come back exactly from `template_from_json`."""
    parts = [
        part
        if isinstance(part, str)
        else {"kind": part.kind, "n_values": part.n_values, "values": list(part.values)}
        for part in template.parts
    ]
    value = {
        "parts": parts,
        "constant_share": template.constant_share,
        "saved_bits": template.saved_bits,
        "accepted": template.accepted,
    }
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def template_from_json(text: str) -> Template:
    """
    Raises:
        IntegrityError: this is not what `template_to_json` wrote.
    """
    try:
        value: dict[str, Any] = json.loads(text)
        parts = tuple(
            part
            if isinstance(part, str)
            else Slot(str(part["kind"]), int(part["n_values"]), tuple(map(str, part["values"])))
            for part in value["parts"]
        )
        return Template(
            parts, float(value["constant_share"]), float(value["saved_bits"]), float(value["accepted"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            "a stored template is damaged", hint="Run the day again with --force."
        ) from error


def _ordered(texts: Sequence[str], weights: NDArray[np.int64] | None) -> _Family:
    raw = [text.encode() for text in texts]
    given = np.ones(len(raw), np.int64) if weights is None else np.asarray(weights, np.int64)
    # The digest breaks ties of length without favouring what sorts first, such as a common beginning.
    order = sorted(
        range(len(raw)), key=lambda i: (len(raw[i]), hashlib.blake2b(raw[i], digest_size=8).digest())
    )
    return _Family([raw[i] for i in order], tokenize([texts[i] for i in order]), given[order])


def _drawn(family: _Family, rows: NDArray[np.int64]) -> _Family:
    if len(rows) == len(family.raw):
        return family
    t = family.tokens
    at = np.concatenate([np.arange(t.indptr[i], t.indptr[i + 1]) for i in rows])
    indptr = np.concatenate([[0], np.cumsum(np.diff(t.indptr)[rows])])
    tokens = Tokens(
        indptr,
        t.codes[at],
        t.shapes[at],
        t.kinds[at],
        t.lengths[at],
        t.starts[at],
        t.ends[at],
        t.marks[rows],
    )
    return _Family([family.raw[i] for i in rows.tolist()], tokens, family.weights[rows])


def _spread(n: int, most: int) -> NDArray[np.int64]:
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.unique(np.linspace(0, n - 1, most).round().astype(np.int64))


@dataclass(frozen=True, slots=True)
class _Candidate:
    found: Alignment
    bits: float


def _better(
    best: _Candidate | None, members: NDArray[np.int64], clipped: Clipped, drawn: _Family
) -> _Candidate:
    """`best`, or what the given rows of the drawn members agree on if that saves more over all of them."""
    part = clipped.take(members)
    for support in SUPPORTS:
        found = constants(part, support)
        bits = _score(_matcher(found), drawn)[2]
        # Very short templates save nothing by this measure; of those the first, which speaks for all, stays.
        if best is None or bits > max(best.bits, 0.0) + 1e-9:
            best = _Candidate(replace(found, pivot=int(members[found.pivot])), bits)
    assert best is not None  # noqa: S101  -- mypy cannot see that SUPPORTS is not empty
    return best


def _matcher(found: Alignment) -> Matcher:
    cuts = np.flatnonzero(np.diff(found.run)) + 1
    return Matcher.of(np.split(found.shapes, cuts), leading=found.leading, trailing=found.trailing)


def _score(matcher: Matcher, family: _Family) -> tuple[float, float, float]:
    """(constant_share, accepted, saved_bits), over prompts."""
    tokens, weights = family.tokens, family.weights.astype(np.float64)
    lengths = np.diff(tokens.indptr)
    spans = matcher.slot_tokens(tokens)
    matched = matcher.match_tokens(tokens)
    total = weights.sum()
    held = float(weights[matched].sum() / total)
    explained = weights[matched].sum() * len(matcher.literals)
    share = float(explained / max((weights * lengths).sum(), 1.0))

    kinds, literals = np.unique(matcher.literals, return_inverse=True)
    constant_bits = 0.0
    if len(kinds):
        at = np.minimum(np.searchsorted(kinds, tokens.shapes), len(kinds) - 1)
        counts = np.bincount(at, np.repeat(weights, lengths) * (kinds[at] == tokens.shapes), len(kinds))
        constant_bits = float(-np.log2(counts[literals] / (weights * lengths).sum()).sum())
    length_bits = _length_bits(lengths) - _length_bits(spans[..., 1] - spans[..., 0]).sum(axis=1)
    own_bits = constant_bits + _length_bits(np.diff(matcher.indptr)).sum()
    saved = (weights * matched * (constant_bits + length_bits)).sum() / total - 1.0 - own_bits / total
    return share, held, float(saved)


def _length_bits(tokens: NDArray[np.int64]) -> NDArray[np.float64]:
    bits: NDArray[np.float64] = 2 * np.log2(np.maximum(tokens, 0) + 1) + 1
    return bits


def _template(found: Alignment, drawn: _Family, family: _Family) -> Template:
    """Spelled by the drawn members, counted over the whole family."""
    matcher = _matcher(found)
    share, held, saved = _score(matcher, family)
    if not len(matcher.literals):
        return Template((slot([raw.decode().strip() for raw in family.raw]),), share, saved, held)
    slots = _slots(matcher, family)
    parts: list[str | Slot] = [slots.pop(0)] if found.leading else []
    for text in _spellings(found, matcher, drawn):
        parts.append(text)
        parts += slots[:1]
        slots = slots[1:]
    template = Template(tuple(parts), share, saved, held)
    if np.array_equal(compile_template(template).literals, matcher.literals):
        return template
    # Majority spellings that read differently next to each other: one member's own spelling cannot.
    parts[found.leading :: 2] = [_own_spelling(found, drawn, k) for k in range(len(matcher.indptr) - 1)]
    return Template(tuple(parts), share, saved, held)


def _slots(matcher: Matcher, family: _Family) -> list[Slot]:
    matched = np.flatnonzero(matcher.match_tokens(family.tokens)).tolist()
    ranges = slot_bytes(family.tokens, matcher.slot_tokens(family.tokens))[matched]
    return [
        slot([family.raw[i][a:b].decode() for i, (a, b) in zip(matched, ranges[:, k].tolist(), strict=True)])
        for k in range(matcher.n_slots)
    ]


def _spellings(found: Alignment, matcher: Matcher, drawn: _Family) -> list[str]:
    """Every constant as most members spell it, with the spaces around it."""
    tokens = drawn.tokens
    places = matcher.find(tokens)
    matched = np.flatnonzero(places[:, 0] >= 0)
    if not len(matched):
        return [_own_spelling(found, drawn, k) for k in range(len(matcher.indptr) - 1)]
    voters = matched[_spread(len(matched), _VOTERS)].tolist()
    texts = []
    for k, size in enumerate(np.diff(matcher.indptr).tolist()):
        words: list[list[bytes]] = []
        befores: list[bytes] = []
        afters: list[bytes] = []
        for i in voters:
            low, high = int(tokens.indptr[i]), int(tokens.indptr[i + 1])
            first = low + int(places[i, k])
            last = first + size - 1
            starts, ends, raw = tokens.starts, tokens.ends, drawn.raw[i]
            words.append(_pieces(raw, starts[first : last + 1].tolist(), ends[first : last + 1].tolist()))
            if first > low and (k > 0 or found.leading):
                befores.append(raw[ends[first - 1] : starts[first]])
            if last + 1 < high and (k + 1 < places.shape[1] or found.trailing):
                afters.append(raw[ends[last] : starts[last + 1]])
        texts.append(_space(befores) + _majority_run(words) + _space(afters))
    return texts


def _pieces(raw: bytes, starts: list[int], ends: list[int]) -> list[bytes]:
    """Tokens and what stands between them, in turn."""
    bounds = [edge for pair in zip(starts, ends, strict=True) for edge in pair]
    return [raw[a:b] for a, b in pairwise(bounds)]


def _majority_run(words: list[list[bytes]]) -> str:
    """The whole run as most spell it, else piece by piece."""
    whole, votes = _most(b"".join(pieces) for pieces in words)
    if 2 * votes > len(words):
        return whole.decode()
    return b"".join(_most(column)[0] for column in zip(*words, strict=True)).decode()


def _most(values: Iterable[bytes]) -> tuple[bytes, int]:
    """The commonest value, the smaller of equals, and its votes."""
    return min(Counter(values).items(), key=lambda item: (-item[1], len(item[0]), item[0]))


def _space(separators: list[bytes]) -> str:
    if not separators:
        return ""
    return "".join(c for c in _most(separators)[0].decode() if c.isspace())


def _own_spelling(found: Alignment, drawn: _Family, k: int) -> str:
    """The pivot's spelling, token by token: it may say more in between than the constant does."""
    at = drawn.tokens.indptr[found.pivot] + found.positions[found.run == k]
    raw = drawn.raw[found.pivot]
    return " ".join(
        raw[a:b].decode() for a, b in zip(drawn.tokens.starts[at], drawn.tokens.ends[at], strict=True)
    )

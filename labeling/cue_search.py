"""Where cues stand in texts: words, stems and gaps, found without regular expressions.

The notation of a cue is that of `labeling.asks`. Words compare as tokens (`campaigns.tokens`), so case, accents and
look-alikes do not matter; a stem compares with the first letters of a word in the same way. From each token the cues
that may begin there are tried; a gap reaches a bounded number of tokens, so the work is linear in the text.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from campaigns.display import plain_text
from campaigns.tokens import Kind, tokenize

GAP_WORDS: Final = 6
GAP_CHARACTERS: Final = 14
"""Tokens that `..` may pass over, in scripts with and without spaces."""

_STEM, _GAP = "*", ".."
_SENTENCE_ENDS = frozenset(".!?:。！？：…")
_CLAUSE_ENDS = frozenset(",;，；、")

Key = tuple[int, int]
"""What one token must be: (0, its code), or for a stem (letters, code of so many first letters)."""


class Place(NamedTuple):
    """One place of a cue: any of `choices`, each a run of tokens; `loose` if a gap may stand before it."""

    choices: tuple[tuple[Key, ...], ...]
    loose: bool


class Cue(NamedTuple):
    owner: int
    places: tuple[Place, ...]


class Hit(NamedTuple):
    """`cue` found at tokens `[first, last]` of a text, `offset` tokens into its sentence. Sentences and clauses (which
    end at a comma too) are numbered through the text."""

    cue: int
    first: int
    last: int
    sentence: int
    clause: int
    offset: int
    unspaced: bool


class CueIndex:
    """Cues of many owners, ready to be looked for."""

    def __init__(self, cues: Sequence[tuple[int, str]]) -> None:
        """`cues`: (owner, cue in the notation of `labeling.asks`)."""
        spelled = [(owner, cue.split()) for owner, cue in cues]
        words = list(
            dict.fromkeys(w for _, parts in spelled for p in parts if p != _GAP for w in p.split("|"))
        )
        tokens = tokenize([word.removesuffix(_STEM) for word in words])
        runs: dict[str, tuple[Key, ...]] = {}
        for i, word in enumerate(words):
            codes = tokens.codes[tokens.indptr[i] : tokens.indptr[i + 1]].tolist()
            stem = len(word) - 1 if word.endswith(_STEM) else 0
            runs[word] = tuple((stem, code) for code in codes)
        self.cues = [Cue(owner, tuple(_places(parts, runs))) for owner, parts in spelled]
        self._stems = sorted({size for run in runs.values() for size, _ in run if size})
        self._known = {key for run in runs.values() for key in run}
        starts: dict[Key, list[int]] = defaultdict(list)
        for number, cue in enumerate(self.cues):
            for key in dict.fromkeys(choice[0] for choice in cue.places[0].choices):
                starts[key].append(number)
        self._starts = dict(starts)

    def find(self, texts: Sequence[str]) -> list[list[Hit]]:
        """The first place where each cue stands, per text, in order of appearance."""
        texts = [plain_text(text, multiline=True) for text in texts]
        tokens = tokenize(texts)
        codes, kinds = tokens.codes.tolist(), tokens.kinds.tolist()
        starts, ends = tokens.starts.tolist(), tokens.ends.tolist()
        raws = [text.encode() for text in texts]
        stems = self._stem_keys(
            raws[i][starts[t] : ends[t]]
            for i in range(len(texts))
            for t in range(tokens.indptr[i], tokens.indptr[i + 1])
            if kinds[t] == Kind.WORD
        )
        found = []
        for i, raw in enumerate(raws):
            low, high = int(tokens.indptr[i]), int(tokens.indptr[i + 1])
            keys = [
                tuple(
                    k for k in ((0, codes[t]), *stems.get(raw[starts[t] : ends[t]], ())) if k in self._known
                )
                for t in range(low, high)
            ]
            spans = list(zip(starts[low:high], ends[low:high], strict=True))
            found.append(self._search(keys, kinds[low:high], *_sentences(raw, spans)))
        return found

    def _search(
        self, keys: list[tuple[Key, ...]], kinds: list[int], sentences: list[int], clauses: list[int]
    ) -> list[Hit]:
        hits: list[Hit] = []
        seen: set[int] = set()
        begin = 0
        for t, here in enumerate(keys):
            if t and sentences[t] != sentences[t - 1]:
                begin = t
            for key in here:
                for number in self._starts.get(key, ()):
                    if number in seen:
                        continue
                    last = _match(self.cues[number].places, 0, t, keys, kinds, sentences)
                    if last >= 0:
                        seen.add(number)
                        unspaced = kinds[t] == Kind.IDEOGRAPH
                        hits.append(Hit(number, t, last, sentences[t], clauses[t], t - begin, unspaced))
        return hits

    def _stem_keys(self, spelled: Iterable[bytes]) -> dict[bytes, list[Key]]:
        """Keys of the first letters of every distinct word, by its bytes."""
        words = {raw: raw.decode() for raw in spelled}
        pairs = [(raw, size) for raw, word in words.items() for size in self._stems if size <= len(word)]
        heads = tokenize([words[raw][:size] for raw, size in pairs])
        keys: dict[bytes, list[Key]] = defaultdict(list)
        for j, (raw, size) in enumerate(pairs):
            if heads.indptr[j + 1] - heads.indptr[j] == 1:
                keys[raw].append((size, int(heads.codes[heads.indptr[j]])))
        return dict(keys)


def _places(parts: Sequence[str], runs: dict[str, tuple[Key, ...]]) -> list[Place]:
    places = []
    for i, part in enumerate(parts):
        if part != _GAP:
            choices = tuple(dict.fromkeys(runs[word] for word in part.split("|")))
            places.append(Place(choices, i > 0 and parts[i - 1] == _GAP))
    return places


def _sentences(raw: bytes, spans: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Numbers of the sentence and of the clause of each token: a line break or a closing mark ends one."""
    sentences, clauses = [], []
    sentence = clause = before = 0
    mark = ""
    for start, end in spans:
        if mark in _SENTENCE_ENDS or b"\n" in raw[before:start]:
            sentence += 1
            clause += 1
        elif mark in _CLAUSE_ENDS:
            clause += 1
        sentences.append(sentence)
        clauses.append(clause)
        mark = raw[start:end].decode()
        before = end
    return sentences, clauses


def _match(
    places: tuple[Place, ...],
    number: int,
    at: int,
    keys: list[tuple[Key, ...]],
    kinds: list[int],
    sentences: list[int],
) -> int:
    """Last token of the places from `number` on, the first of them beginning at `at`; -1 if they do not stand there."""
    for choice in places[number].choices:
        end = at + len(choice)
        if end > len(keys) or any(key not in keys[at + i] for i, key in enumerate(choice)):
            continue
        if number + 1 == len(places):
            return end - 1
        reach = 0
        if places[number + 1].loose:
            reach = GAP_CHARACTERS if kinds[end - 1] == Kind.IDEOGRAPH else GAP_WORDS
        for following in range(end, min(end + reach + 1, len(keys))):
            if reach and sentences[following] != sentences[end - 1]:
                break
            last = _match(places, number + 1, following, keys, kinds, sentences)
            if last >= 0:
                return last
    return -1

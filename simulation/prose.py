"""Languages: their grammar and topics, and the passages that fill the slots of templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from simulation import english
from simulation.draws import Draws
from simulation.grammar import Grammar, Words, parse_rules, parse_topics, phrases
from simulation.terminals import terminals

LANGUAGES = ("en", "de", "es", "fr", "zh", "ru", "ja", "pt")
UNSPACED = frozenset({"zh", "ja"})
"""Languages that put no spaces between words and none between sentences."""
_ELSEWHERE = {"n": 10, "v": 7, "a": 6}
"""How many nouns, verbs and adjectives a scene takes from other topics."""


@dataclass(frozen=True)
class Language:
    """One language.

    `topics` are the vocabularies that scenes draw from, `everything` all their words together, `intents` the
    rules that make a whole request.
    """

    code: str
    grammar: Grammar
    topics: Mapping[str, Words]
    topic_names: Sequence[str]
    everything: Words
    intents: Sequence[str]

    @property
    def gap(self) -> str:
        """What stands between sentences."""
        return "" if self.code in UNSPACED else " "

    def scene(self, topic: str, draws: Draws) -> Words:
        """The words of one account or one passage: a topic's, and some that only this scene has.

        Nobody's talk stays within ten nouns; the words from elsewhere keep people of one interest apart. A
        topic that this language lacks is replaced by one of its own, always the same.
        """
        if topic not in self.topics:
            topic = self.topic_names[sum(topic.encode()) % len(self.topic_names)]
        own = self.topics[topic]
        return {
            kind: (*own[kind], *(draws.pick(self.everything[kind]) for _ in range(extra)))
            for kind, extra in _ELSEWHERE.items()
        }

    def sentences(self, count: int, draws: Draws, words: Words) -> str:
        return self.gap.join(self.grammar.expand("s", draws, words) for _ in range(count))

    def question(self, draws: Draws, words: Words) -> str:
        text = self.grammar.expand("q", draws, words)
        mark = {"zh": "？", "ja": "？", "fr": " ?"}.get(self.code, "?")
        return text[:1].upper() + text[1:] + mark


@lru_cache(maxsize=len(LANGUAGES))
def language(code: str) -> Language:
    rules = parse_rules(phrases(f"{code}.grammar"))
    topics = parse_topics(phrases(f"{code}.topics"))
    grammar = Grammar(rules, terminals(code), english.INFLECTIONS)
    intents = tuple(sorted(name for name in rules if name.split(".")[0] == "ask"))
    everything = {kind: tuple(w for words in topics.values() for w in words[kind]) for kind in _ELSEWHERE}
    return Language(code, grammar, topics, tuple(topics), everything, intents)
